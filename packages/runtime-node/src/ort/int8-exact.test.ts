/** 8-bit products with the full range of values, which saturate in the default kernels on x86 without VNNI. */
import { GraphBuilder, encodeModel, int } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { createCpuRuntime } from "../cpu-runtime.js";

const DEPTH = 64;
const COLUMNS = 16;
const WEIGHTS = new Int8Array(DEPTH * COLUMNS).fill(127);

/** x times weights, with activations quantized at run time. */
function dynamic(): Uint8Array {
  const builder = new GraphBuilder("dynamic");
  const x = builder.input("x", "float32", [1, DEPTH]);
  const w = builder.initializer("w", "int8", [DEPTH, COLUMNS], WEIGHTS);
  const scale = builder.initializer("scale", "float32", [COLUMNS], new Float32Array(COLUMNS).fill(1));
  const y = builder.op("DynamicQuantizeMatMul", [x, w, scale], { domain: "com.microsoft" });
  builder.output("y", y, "float32", [1, COLUMNS]);
  return Uint8Array.from(encodeModel(builder.build()));
}

/** Two products that share signed weights, activations and zero points, as static schemes produce. */
function shared(): Uint8Array {
  const builder = new GraphBuilder("shared");
  const x = builder.input("x", "float32", [1, DEPTH]);
  const one = builder.initializer("one", "float32", [], Float32Array.of(1));
  const large = builder.initializer("large", "float32", [], Float32Array.of(2 ** 15));
  const zero = builder.initializer("zero", "int8", [], Int8Array.of(-128));
  const w = builder.initializer("w", "int8", [DEPTH, COLUMNS], WEIGHTS);
  const scale = builder.initializer("scale", "float32", [COLUMNS], new Float32Array(COLUMNS).fill(1));
  const zeros = builder.initializer("zeros", "int8", [COLUMNS], new Int8Array(COLUMNS));
  const round = (value: string, by: string): string =>
    builder.op("DequantizeLinear", [builder.op("QuantizeLinear", [value, by, zero]), by, zero]);
  for (const [at, name] of ["y", "z"].entries()) {
    const weights = builder.op("DequantizeLinear", [w, scale, zeros], { attributes: { axis: int(1) } });
    const scaled = builder.op("Mul", [x, builder.constant("float32", [], [at + 1])]);
    const product = builder.op("MatMul", [round(scaled, one), weights]);
    builder.output(name, round(product, large), "float32", [1, COLUMNS]);
  }
  return Uint8Array.from(encodeModel(builder.build()));
}

describe("8-bit products of full range are exact on every CPU", () => {
  test.each([
    ["activations quantized as the graph runs", dynamic(), { y: DEPTH * 255 * 127 }],
    // 255 is the largest code. Both products reach it, and 64 * 255 * 127 / 2^15 rounds to 63.
    ["calibrated, with constants that products share", shared(), { y: 63 * 2 ** 15, z: 63 * 2 ** 15 }],
  ])("%s", async (_, bytes, expected) => {
    const runtime = await createCpuRuntime({ threads: 1, inThread: true });
    const session = await runtime.load({ kind: "bytes", bytes });
    const feeds = { x: createHostTensor("float32", [1, DEPTH], new Float32Array(DEPTH).fill(255)) };
    const { fetched } = await session.run({ feeds, fetch: session.outputNames });
    await runtime.close();
    expect(Object.fromEntries(session.outputNames.map((name) => [name, [...fetched[name]!.data]]))).toEqual(
      Object.fromEntries(Object.entries(expected).map(([name, sum]) => [name, Array(COLUMNS).fill(sum)])),
    );
  });
});
