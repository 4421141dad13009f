import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createEagerEngine, math } from "@slm/tensor";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  copyConfig,
  copyObjective,
  copyPairs,
  copySettings,
} from "../test-support/copy-task.test-support.js";
import { METRICS_FILE, train } from "../run/trainer.js";
import type { DevMetric, Objective } from "../contract/training-contract.js";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "scalars-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("scalars of the objective are those of the step and of the metrics measured before it, in every batch of it", async () => {
  const settings = { ...copySettings, steps: 6, evaluateEvery: 2, gradientAccumulationSteps: 2 };
  const pairs = copyPairs(40, 1);
  const objective = copyObjective(pairs, settings.batchSize);
  const asked: (readonly [number, Readonly<Record<string, number>>])[] = [];
  const scaled: Objective = {
    ...objective,
    scalars: (step, metrics) => {
      asked.push([step, metrics]);
      return { factor: step };
    },
    definition: (bucket, variant) => {
      const plain = objective.definition(bucket, variant);
      return {
        ...plain,
        inputs: { ...plain.inputs, factor: { dtype: "float32", shape: [] } },
        terms: ["factor"],
        build: (parameters, x) => ({
          loss: math.mul(plain.build(parameters, x).loss, x["factor"]!),
          terms: { factor: x["factor"]! },
        }),
      };
    },
  };
  let measured = 0;
  const dev: DevMetric = {
    ranking: [{ name: "count", higherIsBetter: true }],
    measure: () => Promise.resolve({ count: (measured += 1) }),
  };
  await train({
    stage: "copy",
    engine: await createEagerEngine("js"),
    config: copyConfig,
    settings,
    lengths: pairs.lengths,
    objective: scaled,
    dev,
    workDirectory: directory,
    key: "key",
    context: { progress: SILENT, signal: new AbortController().signal, seed: 5 },
  });
  expect(asked).toEqual([
    [1, {}],
    [2, {}],
    [3, { count: 1 }],
    [4, { count: 1 }],
    [5, { count: 2 }],
    [6, { count: 2 }],
  ]);
  // Logged for the last step: the mean over its batches.
  const lines = (await readFile(join(directory, METRICS_FILE), "utf8")).trim().split("\n");
  const factors = lines.flatMap((line) => (JSON.parse(line) as { factor?: number }).factor ?? []);
  expect(factors.at(-1)).toBeCloseTo(6, 5);
});
