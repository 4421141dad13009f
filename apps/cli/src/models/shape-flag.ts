/** `--shape` of commands that take an ONNX file. */
import { Flags } from "@oclif/core";

export const shapeFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  helpValue: "<name=sizes>",
  summary:
    "Sizes of an input, such as x=1,3,48,320, or what a symbol in them stands for, batch=1; may be repeated.",
});
