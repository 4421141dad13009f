import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, math, termsAndGradients, type TensorSpec } from "@slm/tensor";
import { modelPass } from "@slm/training";
import { afterEach, expect, test } from "vitest";
import { lossConfig, requiresDistributions, requiresLabels, termsOf } from "../config/loss-config.js";
import { LOSS_TERMS, type LossTerm } from "../config/loss-terms.js";
import { studentConfig, studentWeights } from "../test-support/tiny.test-support.js";
import { studentLoss } from "./student-loss.js";

const EXTENSION = "test-losses";
afterEach(() => {
  LOSS_TERMS.remove(EXTENSION);
});

const shape = { batch: 2, source: 3, target: 3 };
const sources = [[4, 5, 6], [7]];
const targets = [[8, 7], [5]];

/** The mean squared difference between the logits of teacher and student. */
const squares: LossTerm = {
  description: "mean square of the difference of logits",
  needsDistributions: true,
  compute: ({ math: { div, mul, reshape, square, sub, sum, sumAxes }, ...x }) => {
    const rows = sumAxes(square(sub(x.logits, x.teacherLogits)), [1]);
    return div(sum(mul(reshape(rows, x.mask.shape), x.mask)), x.count);
  },
};

/** Pulls the student towards the uniform distribution at labelled positions. */
const confidence: LossTerm = {
  description: "negative mean log-probability of all tokens",
  needsDistributions: false,
  compute: ({ math: { div, logSoftmax, mul, reshape, sub, sum, sumAxes }, logits, labels, mask, count }) => {
    expect(labels.shape).toEqual(mask.shape);
    const rows = reshape(sumAxes(logSoftmax(logits), [1]), mask.shape);
    return div(sub(0, sum(mul(rows, mask))), count);
  },
};

/** Losses before and after one step of gradient descent in the eager engine. */
async function losses(terms: Readonly<Record<string, number>>): Promise<readonly number[]> {
  const loss = lossConfig.parse({ forwardKl: 0, crossEntropy: 0, terms });
  const definition = studentLoss({ config: studentConfig, loss }, shape, "shared");
  const pass = modelPass(studentConfig, shape);
  const names = [...studentWeights.keys()];
  const size = shape.batch * shape.target * studentConfig.vocabularySize;
  const teacher = createHostTensor(
    "float32",
    [shape.batch * shape.target, studentConfig.vocabularySize],
    Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
  );
  const known: Readonly<Record<string, HostTensor>> = {
    ...Object.fromEntries(studentWeights),
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, targets).feeds,
    teacher,
  };
  const weights = Object.fromEntries(
    names.map((name): [string, TensorSpec] => [
      name,
      { dtype: "float32", shape: studentWeights.get(name)!.shape },
    ]),
  );
  const inputs = { ...weights, ...definition.inputs };
  const engine = await createEagerEngine("js");
  const program = await engine.compile({
    name: "step",
    inputs,
    build: (x) => {
      const forward = (values: Parameters<typeof definition.build>[0]): ReturnType<typeof definition.build> =>
        definition.build(values, x);
      const named = (list: readonly (typeof x)[string][]): Record<string, (typeof x)[string]> =>
        Object.fromEntries(list.map((value, at) => [names[at]!, value]));
      const {
        value,
        gradients,
        terms: logged,
      } = termsAndGradients(
        (list) => forward(named(list)),
        names.map((name) => x[name]!),
      );
      expect(Object.keys(logged)).toEqual(Object.keys(terms));
      const stepped = gradients.map((gradient, at) => math.sub(x[names[at]!]!, math.mul(gradient, 1e-3)));
      return { before: value, after: forward(named(stepped)).loss };
    },
  });
  const feeds = Object.fromEntries(Object.keys(inputs).map((name) => [name, known[name]!]));
  const { fetched } = await program.run({ feeds, fetch: ["before", "after"] });
  return ["before", "after"].map((name) => Number(fetched[name]!.data[0]));
}

test.each([
  ["of distributions", squares],
  ["of labels", confidence],
])("a student learns by a term %s", async (_what, term) => {
  LOSS_TERMS.add("mine", term, EXTENSION);
  const [before, after] = await losses({ mine: 0.5 });
  expect(after).toBeLessThan(before!);
});

test("a term requests its inputs only if it has a weight", () => {
  LOSS_TERMS.add("squares", squares, EXTENSION);
  LOSS_TERMS.add("confidence", confidence, EXTENSION);
  const parse = (terms: object): ReturnType<typeof lossConfig.parse> =>
    lossConfig.parse({ forwardKl: 0, crossEntropy: 0, terms });
  const both = parse({ squares: 1, confidence: 2 });
  expect(termsOf(both)).toEqual(["squares", "confidence"]);
  expect([requiresDistributions(both), requiresLabels(both)]).toEqual([true, true]);
  const labels = parse({ squares: 0, confidence: 2 });
  expect([requiresDistributions(labels), requiresLabels(labels)]).toEqual([false, true]);
});

test("a recipe cannot name an unknown term, and an extension cannot use a built-in name", () => {
  expect(lossConfig.safeParse({ terms: { mine: 1 } }).error?.issues[0]?.message).toBe(
    "expected a term of an extension (no extension with terms is loaded), got 'mine'",
  );
  expect(() => {
    LOSS_TERMS.add("forwardKl", squares, EXTENSION);
  }).toThrow("slm already has 'forwardKl'");
});
