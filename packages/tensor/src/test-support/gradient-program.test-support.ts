/** A case as a program: its outputs, and the gradient of their sum, weighted by a probe. */
import { valueAndGradients } from "../gradients.js";
import { math } from "../math.js";
import type { ProgramDefinition, TensorSpec } from "../engine/program.js";
import type { OpCase } from "./op-case.test-support.js";

export const gradientName = (input: string): string => `gradient.${input}`;

function specsOf(inputs: OpCase["inputs"]): Record<string, TensorSpec> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => {
      if (dtype !== "float32" && dtype !== "int32") throw new Error(`case input ${name} is ${dtype}`);
      return [name, { dtype, shape }];
    }),
  );
}

/** Only the op; output `out`. */
export function forwardProgram({ name, inputs, build }: OpCase): ProgramDefinition {
  return { name, inputs: specsOf(inputs), build: (x) => ({ out: build(x) }) };
}

/** Outputs `out` and {@link gradientName} of every differentiable input; input `probe` has the output's shape. */
export function gradientProgram(
  { name, inputs, differentiable, build }: OpCase,
  outputShape: readonly number[],
): ProgramDefinition {
  return {
    name: `${name}, gradient`,
    inputs: { ...specsOf(inputs), probe: { dtype: "float32", shape: outputShape } },
    build: (x) => {
      const { gradients } = valueAndGradients(
        (tensors) => {
          const varied = Object.fromEntries(differentiable.map((input, index) => [input, tensors[index]!]));
          return math.sum(math.mul(build({ ...x, ...varied }), x["probe"]!));
        },
        differentiable.map((input) => x[input]!),
      );
      const named = differentiable.map((input, index) => [gradientName(input), gradients[index]!] as const);
      return { out: build(x), ...Object.fromEntries(named) };
    },
  };
}
