import { GraphBuilder } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { sensitiveWeights, outputError } from "./output-error.js";

const INPUTS = 6;
const OUTPUTS = 4;

const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin((at + 1) * 7.7 + seed));

/** Activations [rows, INPUTS] and their Gram matrix. */
const ROWS = 20;
const activations = numbers(ROWS * INPUTS, 3);
const gram = Float64Array.from({ length: INPUTS * INPUTS }, (_, at) => {
  const [one, other] = [Math.floor(at / INPUTS), at % INPUTS];
  let sum = 0;
  for (let row = 0; row < ROWS; row += 1)
    sum += activations[row * INPUTS + one]! * activations[row * INPUTS + other]!;
  return sum;
});

/** Sum of squares of activations times a matrix [INPUTS, OUTPUTS]. */
function power(matrix: Float32Array): number {
  let total = 0;
  for (let row = 0; row < ROWS; row += 1)
    for (let output = 0; output < OUTPUTS; output += 1) {
      let sum = 0;
      for (let input = 0; input < INPUTS; input += 1)
        sum += activations[row * INPUTS + input]! * matrix[input * OUTPUTS + output]!;
      total += sum * sum;
    }
  return total;
}

describe(outputError, () => {
  test("is the power of the changed part of the output over the power of the output, in either layout", () => {
    const values = numbers(INPUTS * OUTPUTS, 1);
    const rounded = values.map((value) => Math.round(value * 4) / 4);
    const expected = power(values.map((value, at) => value - rounded[at]!)) / power(values);
    const matrix = { values, inputs: INPUTS, outputs: OUTPUTS, layout: "inputs-first" } as const;
    expect(outputError(matrix, rounded, { values: gram })).toBeCloseTo(expected, 6);
    const turned = (from: Float32Array): Float32Array =>
      Float32Array.from(from, (_, at) => from[(at % INPUTS) * OUTPUTS + Math.floor(at / INPUTS)]!);
    const other = { ...matrix, values: turned(values), layout: "outputs-first" } as const;
    expect(outputError(other, turned(rounded), { values: gram })).toBeCloseTo(expected, 6);
  });

  test("is zero where nothing changed and where the output is always zero", () => {
    const values = numbers(INPUTS * OUTPUTS, 1);
    const matrix = { values, inputs: INPUTS, outputs: OUTPUTS, layout: "inputs-first" } as const;
    expect(outputError(matrix, values, { values: gram })).toBe(0);
    expect(outputError(matrix, numbers(INPUTS * OUTPUTS, 2), { values: new Float64Array(INPUTS ** 2) })).toBe(
      0,
    );
  });
});

describe(sensitiveWeights, () => {
  /** Four products of one input. `errors` is the relative rounding error of each weight. */
  function sensitive(errors: readonly number[]): ReadonlySet<string> {
    const builder = new GraphBuilder("decomposed");
    const x = builder.input("x", "float32", ["rows", INPUTS]);
    const values = numbers(INPUTS * OUTPUTS, 1);
    for (const at of errors.keys()) {
      const weight = builder.initializer(`w${at}`, "float32", [INPUTS, OUTPUTS], values);
      builder.output(`y${at}`, builder.op("MatMul", [x, weight]), "float32", ["rows", OUTPUTS]);
    }
    const rounded = errors.map(
      (error, at) =>
        [`w${at}`, { values: values.map((value) => value * (1 - error)), parameters: [] }] as const,
    );
    const grams = errors.map((_, at) => [`w${at}`, { size: INPUTS, values: gram }] as const);
    return sensitiveWeights(builder.build(), new Map(rounded), new Map(grams));
  }

  test("takes the worst, as long as they are a quarter of all weights at most", () => {
    expect([...sensitive([0.1, 0.2, 0.3, 0.15])]).toEqual(["w2"]);
  });

  test("takes none that rounding hardly changes", () => {
    expect(sensitive([0.01, 0.02, 0.03, 0.03]).size).toBe(0);
  });
});
