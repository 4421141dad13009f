import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantizeBlocks } from "./block-format.js";
import { openOutputThreads } from "./output-threads.js";
import { quantizeBlocks, quantizeBlocksBy, type Gram } from "./quantize-blocks.js";
import type { WeightMatrix } from "./weight-matrix.js";

/** Pseudo-random numbers between -1 and 1, depending on `seed`. */
const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (wave - Math.floor(wave)) - 1;
  });

const matrixOf = (inputs: number, outputs: number, seed = 1): WeightMatrix => ({
  values: noise(inputs * outputs, seed),
  inputs,
  outputs,
  layout: "outputs-first",
});

const tiny = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 16, maxLength: 16 });

describe("method rtn", () => {
  test("is onnxruntime's closed form, symmetric: largest weight / -8, zero point 8 not stored", () => {
    const values = Float32Array.from({ length: 16 }, (_, at) => at / 4 - 2.5); // -2.5 to 1.25
    const matrix: WeightMatrix = { values, inputs: 16, outputs: 1, layout: "outputs-first" };
    const weights = quantizeBlocks(matrix, { bits: 4, blockSize: 16, symmetric: true, method: "rtn" });
    expect(weights.zeroPoints).toBeUndefined();
    expect([...weights.scales]).toEqual([Math.fround(-2.5 / -8)]);
    const codes = [...values].map((value) => Math.min(15, Math.floor(value / 0.3125 + 8 + 0.5)));
    expect([...weights.codes].flatMap((byte) => [byte & 15, byte >> 4])).toEqual(codes);
  });

  test("is onnxruntime's closed form, asymmetric: the range with zero in 15 or 255 steps", () => {
    const values = Float32Array.from({ length: 16 }, (_, at) => at / 4 + 1); // 1 to 4.75
    const matrix: WeightMatrix = { values, inputs: 16, outputs: 1, layout: "outputs-first" };
    for (const bits of [4, 8] as const) {
      const weights = quantizeBlocks(matrix, { bits, blockSize: 16, method: "rtn" });
      expect([...weights.scales]).toEqual([Math.fround(4.75 / (2 ** bits - 1))]);
      expect([...weights.zeroPoints!]).toEqual([0]);
    }
  });

  test.each([4, 8] as const)("is off by half a step at most, %i bits", (bits) => {
    fc.assert(
      fc.property(tiny, (numbers) => {
        const matrix: WeightMatrix = {
          values: Float32Array.from(numbers),
          inputs: 16,
          outputs: 1,
          layout: "outputs-first",
        };
        const weights = quantizeBlocks(matrix, { bits, blockSize: 16, method: "rtn" });
        const back = dequantizeBlocks(weights).values;
        // The zero point is rounded too, so both ends of the range can be half a step outside the codes.
        const bound = Math.abs(weights.scales[0]!) * 1.0001 + 1e-30;
        matrix.values.forEach((value, at) => {
          expect(Math.abs(value - back[at]!)).toBeLessThanOrEqual(bound);
        });
      }),
    );
  });
});

/** X^T X of rows with similar neighbours. */
function correlatedGram(size: number, rows: number): { gram: Gram; x: Float64Array } {
  const x = new Float64Array(rows * size);
  for (let row = 0; row < rows; row += 1) {
    const own = noise(size, row + 10);
    const common = noise(4, row + 999);
    for (let at = 0; at < size; at += 1) x[row * size + at] = 0.3 * own[at]! + common[at % 4]!;
  }
  const values = new Float64Array(size * size);
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < size; i += 1) {
      for (let k = 0; k < size; k += 1) values[i * size + k]! += x[row * size + i]! * x[row * size + k]!;
    }
  }
  return { gram: { size, values }, x };
}

/** ||X (W - dequantized)||: the output error on the data. */
function outputError(matrix: WeightMatrix, back: WeightMatrix, x: Float64Array): number {
  const { inputs, outputs } = matrix;
  let sum = 0;
  for (let row = 0; row < x.length / inputs; row += 1) {
    for (let output = 0; output < outputs; output += 1) {
      let error = 0;
      for (let at = 0; at < inputs; at += 1) {
        const place = output * inputs + at;
        error += x[row * inputs + at]! * (matrix.values[place]! - back.values[place]!);
      }
      sum += error ** 2;
    }
  }
  return Math.sqrt(sum);
}

describe("method gptq", () => {
  const matrix = matrixOf(48, 40);
  const { gram, x } = correlatedGram(48, 200);

  test.each([16, 32] as const)(
    "makes outputs on correlated data better than rounding does, blocks of %i",
    (blockSize) => {
      const errorOf = (method: "gptq" | "search" | "rtn"): number =>
        outputError(
          matrix,
          dequantizeBlocks(quantizeBlocks(matrix, { bits: 4, blockSize, method, gram })),
          x,
        );
      expect(errorOf("gptq")).toBeLessThan(0.6 * errorOf("rtn"));
      expect(errorOf("gptq")).toBeLessThan(0.6 * errorOf("search"));
    },
  );

  test("is the search where inputs are independent: there is nothing to carry over", () => {
    const values = new Float64Array(48 * 48);
    for (let at = 0; at < 48; at += 1) values[at * 49] = 1;
    const options = { bits: 4, blockSize: 16 } as const;
    expect(quantizeBlocks(matrix, { ...options, method: "gptq", gram: { size: 48, values } })).toEqual(
      quantizeBlocks(matrix, { ...options, method: "search" }),
    );
  });

  test("is rejected without activations, for those of another width, and where all are zero", () => {
    const options = { bits: 4, blockSize: 16, method: "gptq" } as const;
    expect(() => quantizeBlocks(matrix, options)).toThrow(withCode("CONFIG_INVALID"));
    const small = { size: 2, values: new Float64Array(4) };
    expect(() => quantizeBlocks(matrix, { ...options, gram: small })).toThrow(withCode("SHAPE_MISMATCH"));
    const zero = { size: 48, values: new Float64Array(48 * 48) };
    expect(() => quantizeBlocks(matrix, { ...options, gram: zero })).toThrow(withCode("DATA_INVALID"));
  });
});

describe(openOutputThreads, () => {
  test("one thread runs the loop where it is called, with the same result", async () => {
    const threads = openOutputThreads(1);
    const options = { bits: 4, blockSize: 32 } as const;
    const matrix = matrixOf(64, 6);
    expect(await quantizeBlocksBy(threads.run, matrix, options)).toEqual(quantizeBlocks(matrix, options));
    await threads.close();
  });
});
