/** `--shape` of commands that accept an ONNX file. */
import { Flags } from "@oclif/core";

export const shapeFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  helpValue: "<name=sizes>",
  summary: "Set an input's shape, such as x=1,3,48,320, or a dynamic axis, such as batch=1; repeatable.",
});
