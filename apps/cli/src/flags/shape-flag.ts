/** `--shape` of commands that take an ONNX file. */
import { Flags } from "@oclif/core";

export const shapeFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  helpValue: "<name=sizes>",
  summary: "Shape of an input, such as x=1,3,48,320, or size of a dynamic axis, batch=1; may be repeated.",
});
