import type { DeviceModel, GraphFile } from "@slm/exported-model";
import type { LoadOptions, Runtime, Session } from "@slm/runtime";
import { expect, test } from "vitest";
import { runWork, withWork } from "./run-work.js";

const graph = (file: string): GraphFile => ({ file, bytes: 1 }) as never;
const flops = { encoderPerSourceToken: 10, decoderPerTargetToken: 7 };
const pair = {
  name: "pair",
  flops,
  maxSource: 30,
  graphs: { encoder: graph("encoder.onnx"), decoder: graph("decoder.onnx") },
};

test("an encoder reads the longest source of each text, a decoder a token of each", () => {
  expect([...runWork(pair, 2)]).toEqual([
    ["encoder.onnx", 600],
    ["decoder.onnx", 14],
  ]);
});

test("a decoder-only model reads the longest prompt of each text", () => {
  expect([...runWork({ ...pair, graphs: { decoder: graph("model.onnx") } }, 2)]).toEqual([
    ["model.onnx", 420],
  ]);
});

test("a runtime is told the work of these two graphs, and of nothing without a number of texts", async () => {
  const told: LoadOptions[] = [];
  const runtime = {
    load: (_, options = {}) => {
      told.push(options);
      return Promise.resolve({} as Session);
    },
  } as Pick<Runtime, "load"> as Runtime;
  const model = pair as DeviceModel;
  for (const file of ["encoder.onnx", "decoder.onnx", "vision.onnx"])
    await withWork(runtime, model, 1).load({ kind: "file", path: `/models/a/${file}` }, { name: file });
  expect(told).toEqual([
    { work: 300, name: "encoder.onnx" },
    { work: 7, name: "decoder.onnx" },
    { work: undefined, name: "vision.onnx" },
  ]);
  expect(withWork(runtime, model, undefined)).toBe(runtime);
});
