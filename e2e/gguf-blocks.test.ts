/**
 * Blocks of GGUF files become weights of `MatMulNBits`. ONNX Runtime must use exactly the file's weights, bit for bit. The tests multiply a
 * unit matrix, so each output is one weight without rounding.
 */
import { tensorTypeByName, packGgmlBlocks, type PackableType, type PackedBlocks } from "@slm/extension-gguf";
import { encodeModel, GraphBuilder, int } from "@slm/onnx";
import { toHalf, createHostTensor } from "@slm/runtime";
import { dequantizeBlocks, quantizeBlocks } from "@slm/quantization";
import { createCpuRuntime } from "@slm/runtime-node";
import { expect, test } from "vitest";

const OUTPUTS = 24;
const INPUTS = 96;

/** Blocks of pseudo-random codes; scales differ in sign and size, and Q4_1's minima are integer multiples of the step. */
function rawBlocks(type: PackableType): Uint8Array {
  const { bytes } = tensorTypeByName(type)!;
  const count = (OUTPUTS * INPUTS) / 32;
  const raw = Uint8Array.from(
    { length: count * bytes },
    (_, at) => (Math.imul(at + 1, 2654435761) >>> 21) & 255,
  );
  const view = new DataView(raw.buffer);
  for (let block = 0; block < count; block += 1) {
    const scale = 2 ** ((block % 9) - 6) * (block % 2 === 0 ? 1 : -1);
    const exact = type === "Q4_1" ? scale : scale * (1 + (block % 7) / 8);
    view.setUint16(block * bytes, toHalf(exact), true);
    if (type === "Q4_1") view.setUint16(block * bytes + 2, toHalf(-scale * (block % 16)), true);
  }
  return raw;
}

function graphOf(packed: PackedBlocks): Uint8Array {
  const { codes, scales, zeroPoints, bits, blocks } = packed;
  const g = new GraphBuilder("blocks");
  const x = g.input("x", "float32", [INPUTS, INPUTS]);
  const inputs = [
    x,
    g.initializer("codes", "uint8", [OUTPUTS, blocks, (32 * bits) / 8], codes),
    g.initializer("scales", "float32", [OUTPUTS * blocks], scales),
    ...(zeroPoints === undefined ? [] : [g.initializer("zeros", "uint8", [zeroPoints.length], zeroPoints)]),
  ];
  const y = g.op("MatMulNBits", inputs, {
    domain: "com.microsoft",
    attributes: { K: int(INPUTS), N: int(OUTPUTS), bits: int(bits), block_size: int(32) },
  });
  g.output("y", y, "float32", [INPUTS, OUTPUTS]);
  return encodeModel(g.build());
}

test.each(["Q4_0", "Q4_1", "Q8_0"] as const)("%s", async (type) => {
  const raw = rawBlocks(type);
  const packed = packGgmlBlocks(type, raw, { outputs: OUTPUTS, inputs: INPUTS })!;
  const stored = new Float32Array(OUTPUTS * INPUTS);
  const format = tensorTypeByName(type)!;
  format.decode(new DataView(raw.buffer), 0, raw.length / format.bytes, stored, 0);
  const runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  try {
    const session = await runtime.load({ kind: "bytes", bytes: graphOf(packed) });
    const unit = Float32Array.from({ length: INPUTS * INPUTS }, (_, at) => (at % (INPUTS + 1) === 0 ? 1 : 0));
    const { fetched } = await session.run({
      feeds: { x: createHostTensor("float32", [INPUTS, INPUTS], unit) },
      fetch: ["y"],
    });
    const computed = fetched["y"]!.data;
    stored.forEach((weight, index) => {
      const [output, input] = [Math.floor(index / INPUTS), index % INPUTS];
      // -0 and 0 are the same weight.
      expect(Number(computed[input * OUTPUTS + output]) + 0).toBe(weight + 0);
    });
    await session.release();
  } finally {
    await runtime.close();
  }
});

// ggml puts the largest weight of a block at -8 (Q4_0) or at -127 or 127 (Q8_0); Q4_1 uses all of its 16 codes.
test.each([
  ["Q4_0", 4],
  ["Q4_1", 4],
  ["Q8_0", 8],
] as const)("%s, imported as float32 and quantized to %i bits, is the file's weights again", (type, bits) => {
  const raw = rawBlocks(type);
  const format = tensorTypeByName(type)!;
  for (let block = 0; block < raw.length / format.bytes; block += 1) {
    const end = (block + 1) * format.bytes;
    raw.set(type === "Q8_0" ? [127] : [0x0f, 0xf0], end - (type === "Q8_0" ? 1 : 2));
  }
  const values = new Float32Array(OUTPUTS * INPUTS);
  format.decode(new DataView(raw.buffer), 0, raw.length / format.bytes, values, 0);
  const matrix = { values, inputs: INPUTS, outputs: OUTPUTS, layout: "outputs-first" } as const;
  const quantized = quantizeBlocks(matrix, { bits, blockSize: 32 });
  expect(quantized.relativeError).toBe(0);
  dequantizeBlocks(quantized).values.forEach((weight, at) => {
    expect(weight + 0).toBe(values[at]! + 0);
  });
});
