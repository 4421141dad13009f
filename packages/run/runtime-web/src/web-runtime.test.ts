import { SlmError } from "@slm/error";
import { GraphBuilder, encodeModel } from "@slm/graph";
import { createHostTensor, type Runtime } from "@slm/runtime";
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

describe(createWebRuntime, () => {
  test("runs a graph from its file and fetches what was asked for", async () => {
    const session = await open().load({ kind: "file", path: "m/add.onnx" });
    const { fetched } = await session.run({ feeds: { x: pair(1, 2) }, fetch: ["y"] });
    expect([...fetched["y"]!.data]).toEqual([2, 3]);
  });

  test("updates a tensor in place, step after step", async () => {
    const runtime = open();
    const session = await runtime.load({ kind: "bytes", bytes: addOne() });
    const x = await runtime.upload(pair(0, 10));
    for (let step = 0; step < 3; step++) await session.run({ feeds: { x }, into: { y: x } });
    expect([...(await runtime.download(x)).data]).toEqual([3, 13]);
  });

  test("carries out calls in the order they were made", async () => {
    const runtime = open();
    const session = await runtime.load({ kind: "bytes", bytes: addOne() });
    const x = await runtime.upload(pair(0, 0));
    const calls = [
      session.run({ feeds: { x }, into: { y: x } }),
      runtime.write(x, pair(5, 5)),
      session.run({ feeds: { x }, into: { y: x } }),
    ];
    const last = runtime.download(x);
    await Promise.all(calls);
    expect([...(await last).data]).toEqual([6, 6]);
  });

  test("puts rows in a new order, some twice", async () => {
    const runtime = open();
    const x = await runtime.upload(pair(0, 1, 2, 3, 4, 5));
    await runtime.permuteRows(x, [2, 0, 2]);
    expect([...(await runtime.download(x)).data]).toEqual([4, 5, 0, 1, 4, 5]);
    await expect(runtime.permuteRows(x, [3, 0, 0])).rejects.toThrow(/row numbers/);
  });

  test("refuses a graph that is none, a file that is not there, a tensor that was released, and shapes that do not fit", async () => {
    const runtime = open();
    await expect(runtime.load({ kind: "bytes", bytes: Uint8Array.of(1, 2) })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    await expect(runtime.load({ kind: "file", path: "m/none.onnx" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
    const x = await runtime.upload(pair(0, 1));
    await expect(runtime.write(x, pair(0, 1, 2, 3))).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
    await runtime.release([x]);
    await expect(runtime.download(x)).rejects.toBeInstanceOf(SlmError);
  });
});
