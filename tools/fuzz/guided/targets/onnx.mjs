/** ONNX files: read as an outline and analyzed for an NPU, read as a graph and written back. */
import { readFile } from "node:fs/promises";
import { analyzeModel } from "@slm/analysis";
import { decodeModel, decodeOutline, encodeModel } from "@slm/onnx";

export const longest = 2 ** 15;
export const seeds = () =>
  Promise.all(
    ["by-hand", "control-flow", "bert-block-static"].map((name) =>
      readFile(`packages/analysis/fixtures/${name}.onnx`),
    ),
  );

export function open() {
  return (/** @type {Uint8Array} */ bytes) => {
    analyzeModel(decodeOutline(bytes), { target: "npu" });
    encodeModel(decodeModel(bytes));
  };
}
