import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { expect, test } from "vitest";
import { studentLoss, type LossVariant } from "./student-loss.js";
import { sourceFeeds, targetFeeds } from "./target-batch.js";
import { studentConfig, studentWeights } from "./test-support/tiny.test-support.js";

const shape = { batch: 2, source: 3, target: 3 };
const rows = shape.batch * shape.target;
const sources = [[4, 5, 6], [7]];
const gold = [[8, 7], [5]];
const sampled = [[4], [6, 6]];
const teacher = createHostTensor(
  "float32",
  [rows, studentConfig.vocabularySize],
  Float32Array.from({ length: rows * studentConfig.vocabularySize }, (_, index) => Math.sin(index)),
);

async function lossOf(
  variant: LossVariant,
  feeds: Readonly<Record<string, HostTensor>>,
  klWeight = 0.9,
): Promise<Record<"loss" | "forwardKl" | "crossEntropy", number>> {
  const options = { batchSize: shape.batch, klWeight, labelSmoothing: 0 };
  const definition = studentLoss(studentConfig, options, shape, variant);
  const engine = await createEagerEngine("js");
  const weightSpecs = Object.fromEntries(
    [...studentWeights].map(([name, { shape: size }]) => [name, { dtype: "float32", shape: size } as const]),
  );
  const program = await engine.compile({
    name: "loss",
    inputs: { ...weightSpecs, ...definition.inputs },
    build: (x) => {
      const { loss, terms } = definition.build(x, x);
      return { loss, ...terms };
    },
  });
  const all = {
    ...Object.fromEntries(studentWeights),
    ...sourceFeeds(sources, shape, studentConfig.tokens),
    teacher,
    ...feeds,
  };
  const { fetched } = await program.run({ feeds: all, fetch: ["loss", "forwardKl", "crossEntropy"] });
  const value = (name: string): number => Number(fetched[name]!.data[0]);
  return { loss: value("loss"), forwardKl: value("forwardKl"), crossEntropy: value("crossEntropy") };
}

const feedsOf = (prefix: string, targets: readonly number[][]): Record<string, HostTensor> =>
  targetFeeds(prefix, targets, shape, studentConfig.tokens).feeds;

test("the loss is the weighted sum of its terms", async () => {
  for (const klWeight of [0, 0.9, 1]) {
    const { loss, forwardKl, crossEntropy } = await lossOf("shared", feedsOf("kl", gold), klWeight);
    expect(loss).toBeCloseTo(klWeight * forwardKl + (1 - klWeight) * crossEntropy, 5);
    expect(forwardKl).toBeGreaterThan(0);
  }
});

test("separate passes over the same targets equal the shared pass", async () => {
  const shared = await lossOf("shared", feedsOf("kl", gold));
  const separate = await lossOf("separate", { ...feedsOf("kl", gold), ...feedsOf("gold", gold) });
  expect(separate).toEqual(shared);
});

test("separate passes take divergence from sampled targets and cross-entropy from gold ones", async () => {
  const separate = await lossOf("separate", { ...feedsOf("kl", sampled), ...feedsOf("gold", gold) });
  expect(separate.forwardKl).toBe((await lossOf("shared", feedsOf("kl", sampled))).forwardKl);
  expect(separate.crossEntropy).toBe((await lossOf("shared", feedsOf("kl", gold))).crossEntropy);
});
