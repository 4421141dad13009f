import { withCode } from "@slm/core/testing";
import { BLOCK_SIZES, type BlockSize } from "@slm/devices";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantizeBlocks, type BlockWeights } from "./block-format.js";
import { quantizeBlocks } from "./quantize-blocks.js";
import { stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** 4 bits, the search. */
const quantize4 = (matrix: WeightMatrix, blockSize: BlockSize): BlockWeights =>
  quantizeBlocks(matrix, { bits: 4, blockSize });

const blockSizes = fc.constantFrom(...BLOCK_SIZES);

const matrices: fc.Arbitrary<WeightMatrix> = fc
  .record({
    inputs: fc.integer({ min: 1, max: 70 }),
    outputs: fc.integer({ min: 1, max: 5 }),
    layout: fc.constantFrom("inputs-first" as const, "outputs-first" as const),
  })
  .chain((shape) =>
    fc
      .array(fc.double({ min: -10, max: 10, noNaN: true }), {
        minLength: shape.inputs * shape.outputs,
        maxLength: shape.inputs * shape.outputs,
      })
      .map((numbers) => ({ ...shape, values: Float32Array.from(numbers) })),
  );

/** The weights of one block of one output. */
function blockOf(matrix: WeightMatrix, output: number, block: number, size: number): number[] {
  const strides = stridesOf(matrix.layout, matrix.inputs, matrix.outputs);
  const count = Math.min(size, matrix.inputs - block * size);
  return Array.from(
    { length: count },
    (_, at) => matrix.values[(block * size + at) * strides.input + output * strides.output]!,
  );
}

/** The number in -zero..15 - zero that is nearest to a weight divided by the scale. */
const nearest = (scaled: number, zero: number): number =>
  Math.max(-zero, Math.min(15 - zero, Math.floor(scaled + 0.5)));

/** Squared error of plain rounding with `scale` and `zero`. */
function roundingError(block: readonly number[], scale: number, zero = 8): number {
  return block.reduce((sum, value) => sum + (value - nearest(value / scale, zero) * scale) ** 2, 0);
}

const sumOf = (block: readonly number[], term: (value: number) => number): number =>
  block.reduce((sum, value) => sum + term(value), 0);

const largestOf = (block: readonly number[]): number =>
  block.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);

/** Stored as zero, because the scale would not be a normal float32. */
const isTiny = (block: readonly number[]): boolean => Math.abs(largestOf(block)) < 1e-30;

/** Scales and weights are float32: 2^-23 of the largest weight, for each. Compares roots of squared errors. */
function expectAtMost(error: number, bound: number, block: readonly number[]): void {
  const rounding = block.length * (1e-6 * largestOf(block)) ** 2;
  expect(Math.sqrt(error)).toBeLessThanOrEqual(Math.sqrt(bound) * (1 + 1e-5) + Math.sqrt(rounding));
}

const squaredError = ({ exact, back }: BlockPair): number =>
  exact.reduce((sum, value, at) => sum + (value - back[at]!) ** 2, 0);

/** Squared error of a search over symmetric grids: the largest weight at -8 +- 1, the scale by least squares. */
function symmetricSearchError(block: readonly number[]): number {
  let bestGain = 0;
  let best = 1;
  for (let step = -5; step <= 5; step += 1) {
    const inverse = (-8 - 0.2 * step) / largestOf(block);
    const product = sumOf(block, (value) => value * nearest(value * inverse, 8));
    const square = sumOf(block, (value) => nearest(value * inverse, 8) ** 2);
    if (product ** 2 / square > bestGain) {
      bestGain = product ** 2 / square;
      best = product / square;
    }
  }
  return roundingError(block, Math.fround(best));
}

interface BlockPair {
  readonly exact: readonly number[];
  readonly back: readonly number[];
  readonly scale: number;
  readonly zero: number;
}

function blockPairs(matrix: WeightMatrix, size: BlockSize): BlockPair[] {
  const quantized = quantize4(matrix, size);
  const back = dequantizeBlocks(quantized);
  return Array.from(quantized.scales, (scale, place) => {
    const output = Math.floor(place / quantized.blocks);
    const block = place % quantized.blocks;
    const pick = (from: WeightMatrix): number[] => blockOf(from, output, block, size);
    const byte = quantized.zeroPoints![output * Math.ceil(quantized.blocks / 2) + Math.floor(block / 2)]!;
    const zero = block % 2 === 0 ? byte & 0xf : byte >> 4;
    return { exact: pick(matrix), back: pick(back), scale, zero };
  });
}

describe(quantizeBlocks, () => {
  const halves = fc
    .double({ min: 0.001, max: 8, noNaN: true })
    // 11 significant bits, like half-precision scales.
    .map((value) => Math.fround(value - (value % 2 ** (Math.floor(Math.log2(value)) - 10))));
  const onGrid = fc.record({
    bits: fc.constantFrom(2 as const, 4 as const, 8 as const),
    scales: fc.array(fc.tuple(halves, fc.boolean()), { minLength: 4, maxLength: 4 }),
    seed: fc.integer({ min: 1, max: 1000 }),
  });

  test("keeps weights that were dequantized before bit for bit, signs of their scales too", () => {
    fc.assert(
      fc.property(onGrid, ({ bits, scales, seed }) => {
        const middle = 2 ** (bits - 1);
        const values = Float32Array.from({ length: 128 }, (_, at) => {
          const [scale, isTurned] = scales[at >> 5]!;
          // One weight of each block has ggml's largest magnitude.
          const code = at % 32 === 7 ? 1 - (bits === 8 ? 0 : 1) : 1 + ((at * seed * 7919) % (2 * middle - 1));
          return (isTurned ? -1 : 1) * scale * (code - middle);
        });
        const matrix = { values, inputs: 64, outputs: 2, layout: "outputs-first" } as const;
        const quantized = quantizeBlocks(matrix, { bits, blockSize: 32 });
        expect(quantized.relativeError).toBe(0);
        dequantizeBlocks(quantized).values.forEach((weight, at) => {
          expect(weight + 0).toBe(values[at]! + 0);
        });
      }),
    );
  });

  test("keeps every weight within half a scale of itself or of the last code", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        for (const { exact, back, scale, zero } of blockPairs(matrix, size)) {
          const ends = [-zero * scale, (15 - zero) * scale].sort((a, b) => a - b) as [number, number];
          exact.forEach((value, at) => {
            const clipped = Math.max(ends[0] - value, value - ends[1], 0);
            const bound = Math.max(Math.abs(scale) / 2, clipped) * (1 + 1e-5);
            expect(Math.abs(value - back[at]!)).toBeLessThanOrEqual(bound);
          });
        }
      }),
    );
  });

  test("is at least as near as rounding the range of the block to 15 steps", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        for (const pair of blockPairs(matrix, size)) {
          if (isTiny(pair.exact)) continue;
          const lowest = Math.min(0, ...pair.exact);
          const step = (Math.max(0, ...pair.exact) - lowest) / 15;
          const plain = roundingError(pair.exact, step, Math.round(-lowest / step));
          expectAtMost(squaredError(pair), plain, pair.exact);
        }
      }),
    );
  });

  test("is never worse than a search over symmetric grids", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        for (const pair of blockPairs(matrix, size)) {
          if (isTiny(pair.exact)) continue;
          expectAtMost(squaredError(pair), symmetricSearchError(pair.exact), pair.exact);
        }
      }),
    );
  });

  /** Normally distributed weights of 64 outputs with 32 inputs. */
  const normalValues = (): Float32Array =>
    Float32Array.from({ length: 32 * 64 }, (_, at) => {
      const uniform = (seed: number): number => {
        const wave = Math.sin((at + 1) * seed) * 43758.5453;
        return wave - Math.floor(wave);
      };
      return Math.sqrt(-2 * Math.log(uniform(12.9898) + 1e-9)) * Math.cos(2 * Math.PI * uniform(78.233));
    });

  test("packs the lower input into the low nibble, output by output, and pads with weight zero", () => {
    const quantized = quantize4(
      { values: Float32Array.of(-8, 1, 7, -8, 3, 0), inputs: 3, outputs: 2, layout: "outputs-first" },
      16,
    );
    expect(quantized.blocks).toBe(1);
    expect([...quantized.scales]).toEqual([1, 1]);
    const padding = Array.from({ length: 6 }, () => 0x88);
    expect([...quantized.codes]).toEqual([0x90, 0x8f, ...padding, 0xb0, 0x88, ...padding]);
  });

  test("packs four 2-bit codes and zero points into a byte, the first into the lowest bits", () => {
    // Codes 0, 1, 2, 3 with zero points 0 and 2, and a block of padding's own zero point.
    const upwards = Array.from({ length: 32 }, (_, at) => at % 4);
    const mixed = upwards.map((value) => value - 2);
    const values = Float32Array.from([upwards, mixed, [-1, 0, 1, 2, 2]].flat());
    const quantized = quantizeBlocks(
      { values, inputs: 69, outputs: 1, layout: "outputs-first" },
      { bits: 2, blockSize: 32 },
    );
    expect([...quantized.scales]).toEqual([1, 1, -1]);
    expect([...quantized.zeroPoints!]).toEqual([0b10_10_00]);
    const whole = Array.from({ length: 16 }, () => 0b11_10_01_00);
    const padding = Array.from({ length: 6 }, () => 0b10_10_10_10);
    expect([...quantized.codes]).toEqual([...whole, 0b00_01_10_11, 0b10_10_10_00, ...padding]);
    expect([...dequantizeBlocks(quantized).values].map((value) => value + 0)).toEqual([...values]);
  });

  test("clips blocks of 2 bits where that reduces the error", () => {
    const matrix = { values: normalValues(), inputs: 32, outputs: 64, layout: "outputs-first" } as const;
    const errorOf = (method: "rtn" | "search"): number =>
      quantizeBlocks(matrix, { bits: 2, blockSize: 32, method }).relativeError;
    expect(errorOf("search")).toBeLessThan(0.85 * errorOf("rtn"));
  });

  test("gives the same bytes for the same weights in either layout", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        const from = stridesOf(matrix.layout, matrix.inputs, matrix.outputs);
        const layout = matrix.layout === "inputs-first" ? "outputs-first" : "inputs-first";
        const to = stridesOf(layout, matrix.inputs, matrix.outputs);
        const values = new Float32Array(matrix.values.length);
        for (let input = 0; input < matrix.inputs; input += 1) {
          for (let output = 0; output < matrix.outputs; output += 1) {
            values[input * to.input + output * to.output] =
              matrix.values[input * from.input + output * from.output]!;
          }
        }
        expect(quantize4({ ...matrix, layout, values }, size)).toEqual(quantize4(matrix, size));
      }),
    );
  });

  test("rejects weights that are not finite", () => {
    const values = new Float32Array(32).fill(Number.NaN, 7, 8);
    const matrix: WeightMatrix = { values, inputs: 32, outputs: 1, layout: "inputs-first" };
    expect(() => quantize4(matrix, 32)).toThrow(withCode("DATA_INVALID"));
  });
});
