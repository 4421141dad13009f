import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantizeInt8, quantizeInt8PerChannel } from "./int8-per-channel.js";
import { stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** Any matrix of finite float32 numbers that are not extremely small or large. */
const matrices: fc.Arbitrary<WeightMatrix> = fc
  .record({
    inputs: fc.integer({ min: 1, max: 20 }),
    outputs: fc.integer({ min: 1, max: 12 }),
    layout: fc.constantFrom("inputs-first" as const, "outputs-first" as const),
  })
  .chain((shape) =>
    fc
      .array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
        minLength: shape.inputs * shape.outputs,
        maxLength: shape.inputs * shape.outputs,
      })
      .map((numbers) => ({ ...shape, values: Float32Array.from(numbers) })),
  );

function at(matrix: WeightMatrix, input: number, output: number): number {
  const strides = stridesOf(matrix.layout, matrix.inputs, matrix.outputs);
  return matrix.values[input * strides.input + output * strides.output]!;
}

describe(quantizeInt8PerChannel, () => {
  test("keeps every weight within half a scale, in either layout", () => {
    fc.assert(
      fc.property(
        matrices,
        fc.constantFrom("inputs-first" as const, "outputs-first" as const),
        fc.boolean(),
        (matrix, layout, reduceRange) => {
          const quantized = quantizeInt8PerChannel(matrix, { layout, reduceRange });
          expect(quantized.layout).toBe(layout);
          const limit = reduceRange ? 64 : 127;
          for (const code of quantized.codes) expect(Math.abs(code)).toBeLessThanOrEqual(limit);
          const back = dequantizeInt8(quantized);
          for (let output = 0; output < matrix.outputs; output += 1) {
            // Dividing, multiplying and storing in float32 can each round once.
            const bound = (quantized.scales[output]! / 2) * (1 + 1e-4);
            for (let input = 0; input < matrix.inputs; input += 1) {
              expect(Math.abs(at(matrix, input, output) - at(back, input, output))).toBeLessThanOrEqual(
                bound,
              );
            }
          }
        },
      ),
    );
  });

  test("gives each output the scale of its own largest weight", () => {
    const quantized = quantizeInt8PerChannel({
      values: Float32Array.of(1, -254, 0.5, 127, -1, 0),
      inputs: 3,
      outputs: 2,
      layout: "inputs-first",
    });
    expect([...quantized.scales]).toEqual([Math.fround(1 / 127), 2]);
    expect([...quantized.codes]).toEqual([127, -127, 64, 64, -127, 0]);
  });

  test("keeps a column of zeros zero", () => {
    const zero: WeightMatrix = { values: new Float32Array(3), inputs: 3, outputs: 1, layout: "inputs-first" };
    expect([...quantizeInt8PerChannel(zero).scales]).toEqual([1]);
    expect([...dequantizeInt8(quantizeInt8PerChannel(zero)).values]).toEqual([0, 0, 0]);
  });

  test("rejects weights that are not finite and sizes that do not fit", () => {
    const matrix = (values: Float32Array): WeightMatrix => ({
      values,
      inputs: 2,
      outputs: 1,
      layout: "inputs-first",
    });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => quantizeInt8PerChannel(matrix(Float32Array.of(1, bad)))).toThrow(withCode("DATA_INVALID"));
    }
    expect(() => quantizeInt8PerChannel(matrix(new Float32Array(3)))).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
