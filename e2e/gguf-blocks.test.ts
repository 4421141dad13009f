/** Blocks of GGUF files, imported as float32 and quantized again: the weights are the file's. */
import { tensorTypeByName } from "@slm/extension-gguf";
import { dequantizeBlocks, quantizeBlocks } from "@slm/quantization";
import { toHalf } from "@slm/runtime";
import { expect, test } from "vitest";

const OUTPUTS = 24;
const INPUTS = 96;

/** Blocks of pseudo-random codes; scales differ in sign and size, and Q4_1's minima are whole steps. */
function rawBlocks(type: string): Uint8Array {
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
