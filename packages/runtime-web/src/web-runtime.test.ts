import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import * as ort from "onnxruntime-web/wasm";
import { describe, expect, test } from "vitest";
import { createWebRuntime } from "./web-runtime.js";

ort.env.wasm.numThreads = 1;

/** y = x + 1, for any number of rows of two. */
function addOne(): Uint8Array {
  const builder = new GraphBuilder("add");
  const x = builder.input("x", "float32", ["rows", 2]);
  const one = builder.constant("float32", [], [1]);
  builder.output("y", builder.op("Add", [x, one]), "float32", ["rows", 2]);
  return encodeModel(builder.build());
}

const open = (): Runtime =>
  createWebRuntime(ort, { provider: "wasm", threads: 1, files: new Map([["m/add.onnx", addOne()]]) });

const pair = (...values: number[]) =>
  createHostTensor("float32", [values.length / 2, 2], Float32Array.from(values));

describeRuntime("the web runtime on WebAssembly", () => Promise.resolve(open()), {
  cannotReadDisk: true,
  reportsNoMemory: true,
});
describeGreedyLoop("the web runtime on WebAssembly", () => Promise.resolve(open()));

describe(createWebRuntime, () => {
  test("runs a graph from its file and fetches the requested outputs", async () => {
    const session = await open().load({ kind: "file", path: "m/add.onnx" });
    const { fetched } = await session.run({ feeds: { x: pair(1, 2) }, fetch: ["y"] });
    expect([...fetched["y"]!.data]).toEqual([2, 3]);
  });
});
