import type { Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import type { ProgramDefinition } from "../../engine/program.js";
import { traceProgram } from "../../engine/trace.js";
import { valueAndGradients } from "../../gradients.js";
import { math } from "../../math.js";
import type { Tensor } from "../../recording/tf.js";
import type { MaskedLogits } from "../masked-logits.js";
import { crossEntropy } from "./cross-entropy.js";
import { DIVERGENCE_DEFAULTS, DIVERGENCES, forwardKl } from "./divergences.js";

const POSITIONS = 3;
const VOCABULARY = 7;

type Loss = (masked: MaskedLogits, teacher: Tensor, labels: Tensor) => Tensor;

function traced(loss: Loss, withGradient: boolean): Graph {
  const logits = { dtype: "float32", shape: [POSITIONS, VOCABULARY] } as const;
  const definition: ProgramDefinition = {
    name: "loss",
    inputs: {
      logits,
      teacher: logits,
      mask: { dtype: "float32", shape: [POSITIONS] },
      count: { dtype: "float32", shape: [] },
      labels: { dtype: "int32", shape: [POSITIONS] },
    },
    build: (x) => {
      const at = (varied: Tensor): Tensor =>
        loss({ logits: varied, mask: x["mask"]!, count: x["count"]! }, x["teacher"]!, x["labels"]!);
      if (!withGradient) return { value: at(x["logits"]!) };
      const { value, gradients } = valueAndGradients(([varied]) => at(varied!), [x["logits"]!]);
      return { value, gradient: gradients[0]! };
    },
  };
  return traceProgram(definition);
}

/** Operators that read a tensor of the logits' size and write one number per position. */
const REDUCING: readonly string[] = ["FusedMatMul", "ReduceSum"];

/** Operators that read a tensor of the logits' size; a Reshape does not move data. */
function passes({ nodes }: Graph): string[] {
  const wide = new Set(["logits", "teacher"]);
  const counted: string[] = [];
  for (const { opType, inputs, outputs } of nodes) {
    if (!inputs.some((input) => wide.has(input))) continue;
    if (opType !== "Reshape") counted.push(opType);
    if (!REDUCING.includes(opType)) wide.add(outputs[0]!);
  }
  return counted;
}

/** Passes over `[positions, vocab]` of value alone, and of value and gradient: the hot path of distillation. */
const EXPECTED = {
  forwardKl: [5, 8],
  reverseKl: [5, 8],
  jensenShannon: [11, 14],
} as const;

describe("passes over the vocabulary", () => {
  test.each(Object.entries(EXPECTED))(
    "of %s are %o, and two more at another temperature",
    (name, expected) => {
      for (const [temperature, extra] of [
        [1, 0],
        [2, 2],
      ] as const) {
        const options = { ...DIVERGENCE_DEFAULTS, temperature };
        const loss: Loss = (masked, teacher) =>
          DIVERGENCES[name as keyof typeof EXPECTED].compute(masked, teacher, options);
        const counts = [false, true].map((withGradient) => passes(traced(loss, withGradient)).length);
        expect(counts).toEqual(expected.map((count) => count + extra));
      }
    },
  );

  test("share the student's log-softmax and softmax between a divergence and cross-entropy", () => {
    const both: Loss = (masked, teacher, labels) =>
      math.add(forwardKl(masked, teacher), crossEntropy(masked, labels));
    const operators = passes(traced(both, true));
    expect(operators.filter((operator) => operator === "LogSoftmax")).toHaveLength(2);
    expect(operators.filter((operator) => operator === "Exp")).toHaveLength(2);
  });

  test("leave nothing of the logits' size as a constant in the graph", () => {
    const graph = traced((masked, teacher) => forwardKl(masked, teacher), true);
    const sizes = [...graph.initializers.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(Math.max(...sizes)).toBeLessThan(VOCABULARY);
  });
});
