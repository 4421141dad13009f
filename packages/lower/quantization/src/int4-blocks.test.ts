import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BLOCK_SIZES, dequantizeInt4, quantizeInt4Blocks, type BlockSize } from "./int4-blocks.js";
import { stridesOf, type WeightMatrix } from "./weight-matrix.js";

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

/** Squared error of plain rounding with `scale`. */
function roundingError(block: readonly number[], scale: number): number {
  return block.reduce((sum, value) => {
    const code = Math.max(-8, Math.min(7, Math.round(value / scale)));
    return sum + (value - code * scale) ** 2;
  }, 0);
}

interface BlockPair {
  readonly exact: readonly number[];
  readonly back: readonly number[];
  readonly scale: number;
}

function blockPairs(matrix: WeightMatrix, size: BlockSize): BlockPair[] {
  const quantized = quantizeInt4Blocks(matrix, size);
  const back = dequantizeInt4(quantized);
  return Array.from(quantized.scales, (scale, place) => {
    const output = Math.floor(place / quantized.blocks);
    const block = place % quantized.blocks;
    const pick = (from: WeightMatrix): number[] => blockOf(from, output, block, size);
    return { exact: pick(matrix), back: pick(back), scale };
  });
}

describe(quantizeInt4Blocks, () => {
  test("keeps every weight within half a scale of itself or of the last code", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        for (const { exact, back, scale } of blockPairs(matrix, size)) {
          const ends = [-8 * scale, 7 * scale].sort((a, b) => a - b) as [number, number];
          exact.forEach((value, at) => {
            const clipped = Math.max(ends[0] - value, value - ends[1], 0);
            const bound = Math.max(Math.abs(scale) / 2, clipped) * (1 + 1e-5);
            expect(Math.abs(value - back[at]!)).toBeLessThanOrEqual(bound);
          });
        }
      }),
    );
  });

  test("is at least as near as rounding with the largest weight at 7 or at -8", () => {
    fc.assert(
      fc.property(matrices, blockSizes, (matrix, size) => {
        for (const { exact, back } of blockPairs(matrix, size)) {
          const largest = exact.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
          if (Math.abs(largest) < 1e-30) continue; // stored as zero: a scale could not be a normal float32
          const error = exact.reduce((sum, value, at) => sum + (value - back[at]!) ** 2, 0);
          const plain = Math.min(roundingError(exact, largest / 7), roundingError(exact, largest / -8));
          // Scales and weights are float32: 2^-23 of the largest weight, for each.
          const rounding = exact.length * (1e-6 * largest) ** 2;
          expect(Math.sqrt(error)).toBeLessThanOrEqual(Math.sqrt(plain) * (1 + 1e-5) + Math.sqrt(rounding));
        }
      }),
    );
  });

  test("beats plain rounding by a tenth on normally distributed weights", () => {
    const values = Float32Array.from({ length: 32 * 64 }, (_, at) => {
      const uniform = (seed: number): number => {
        const wave = Math.sin((at + 1) * seed) * 43758.5453;
        return wave - Math.floor(wave);
      };
      return Math.sqrt(-2 * Math.log(uniform(12.9898) + 1e-9)) * Math.cos(2 * Math.PI * uniform(78.233));
    });
    const pairs = blockPairs({ values, inputs: 32, outputs: 64, layout: "outputs-first" }, 32);
    let found = 0;
    let plain = 0;
    for (const { exact, back } of pairs) {
      const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      found += exact.reduce((sum, value, at) => sum + (value - back[at]!) ** 2, 0);
      plain += roundingError(exact, largest / 7);
    }
    expect(Math.sqrt(found / plain)).toBeLessThan(0.9);
  });

  test("restores whole multiples of a scale that reach the last code", () => {
    fc.assert(
      fc.property(
        blockSizes,
        fc.array(fc.integer({ min: -8, max: 7 }), { minLength: 1, maxLength: 70 }),
        fc.constantFrom(0.25, 1, 2),
        (size, codes, scale) => {
          // The first weight of each block is -8: the scale is then known.
          const values = Float32Array.from(codes, (code, at) => (at % size === 0 ? -8 : code) * scale);
          const matrix = { values, inputs: values.length, outputs: 1, layout: "outputs-first" as const };
          const quantized = quantizeInt4Blocks(matrix, size);
          expect([...dequantizeInt4(quantized).values]).toEqual([...values].map((value) => value + 0));
        },
      ),
    );
  });

  test("packs the lower input into the low nibble, output by output, and pads with weight zero", () => {
    const quantized = quantizeInt4Blocks(
      { values: Float32Array.of(-8, 1, 7, -8, 2, 0), inputs: 3, outputs: 2, layout: "outputs-first" },
      16,
    );
    expect(quantized.blocks).toBe(1);
    expect([...quantized.scales]).toEqual([1, 1]);
    const padding = Array.from({ length: 6 }, () => 0x88);
    expect([...quantized.codes]).toEqual([0x90, 0x8f, ...padding, 0xa0, 0x88, ...padding]);
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
        expect(quantizeInt4Blocks({ ...matrix, layout, values }, size)).toEqual(
          quantizeInt4Blocks(matrix, size),
        );
      }),
    );
  });

  test("keeps blocks of zeros zero", () => {
    const quantized = quantizeInt4Blocks(
      { values: new Float32Array(40), inputs: 40, outputs: 1, layout: "inputs-first" },
      32,
    );
    expect([...dequantizeInt4(quantized).values]).toEqual(Array.from({ length: 40 }, () => 0));
  });

  test("refuses weights that are not finite", () => {
    const values = new Float32Array(32).fill(Number.NaN, 7, 8);
    const matrix: WeightMatrix = { values, inputs: 32, outputs: 1, layout: "inputs-first" };
    expect(() => quantizeInt4Blocks(matrix, 32)).toThrow(/finite, got NaN at element 7/);
  });
});
