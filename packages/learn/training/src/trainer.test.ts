import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT, type StageContext } from "@slm/artifact";
import { createEagerEngine } from "@slm/tensor";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  copyConfig,
  copyObjective,
  copyPairs,
  copySettings,
  embeddingMetric,
} from "./test-support/copy-task.test-support.js";
import { METRICS_FILE, train } from "./trainer.js";
import type { TrainReport, TrainRequest } from "./training-contract.js";
import { createHostTensor } from "@slm/runtime";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "training-"));
});
afterEach(() => rm(directory, { recursive: true }));

const pairs = copyPairs(40, 1);

async function requestOf(
  changes: Partial<TrainRequest> = {},
  context: Partial<StageContext> = {},
): Promise<TrainRequest> {
  const settings = changes.settings ?? copySettings;
  return {
    stage: "copy",
    engine: await createEagerEngine("js"),
    config: copyConfig,
    settings,
    lengths: pairs.lengths,
    objective: copyObjective(pairs, settings.batchSize),
    dev: embeddingMetric,
    workDirectory: directory,
    key: "key",
    context: { progress: SILENT, signal: new AbortController().signal, seed: 5, ...context },
    ...changes,
  };
}

/** The log without its only line that depends on the clock. */
async function logOf(workDirectory: string): Promise<unknown[]> {
  const lines = (await readFile(join(workDirectory, METRICS_FILE), "utf8")).trim().split("\n");
  return lines.map((line) => ({ ...(JSON.parse(line) as Record<string, unknown>), tokensPerSecond: 0 }));
}

/** Trains, stopping at each of the steps in turn and starting again. */
async function trainWithStops(stops: readonly number[], workDirectory: string): Promise<TrainReport> {
  for (const stop of stops) {
    const controller = new AbortController();
    const objective = copyObjective(pairs, copySettings.batchSize);
    const stopping = {
      ...objective,
      // Feeds of a step are made while the step before it runs: the run stops after `stop` steps.
      feeds: (...given: Parameters<typeof objective.feeds>) => {
        if (given[2] > stop) controller.abort();
        return objective.feeds(...given);
      },
    };
    const request = await requestOf({ workDirectory, objective: stopping }, { signal: controller.signal });
    await expect(train(request)).rejects.toMatchObject({ code: "INTERRUPTED" });
  }
  return train(await requestOf({ workDirectory }));
}

describe("a run that was interrupted and resumed", () => {
  test.each([[[3]], [[7, 8]], [[1, 12, 22, 29]]])(
    "at %o ends with the same weights, log and report",
    async (stops) => {
      const [plain, stopped] = [join(directory, "plain"), join(directory, "stopped")];
      const expected = await trainWithStops([], plain);
      const actual = await trainWithStops(stops, stopped);
      expect(actual.weights).toEqual(expected.weights);
      expect(await logOf(stopped)).toEqual(await logOf(plain));
      const { loss, metrics, bestStep, steps, epochs } = expected;
      expect(actual).toMatchObject({ loss, metrics, bestStep, steps, epochs });
    },
  );

  test("after its last step reports what it had reached", async () => {
    const settings = { ...copySettings, steps: 14 };
    const expected = await train(await requestOf({ settings }));
    const again = await train(await requestOf({ settings }));
    expect(again.weights).toEqual(expected.weights);
    expect(again).toMatchObject({
      loss: expected.loss,
      metrics: expected.metrics,
      bestStep: expected.bestStep,
    });
  });
});

test("the state of a run with another key is refused", async () => {
  const settings = { ...copySettings, steps: 7 };
  await train(await requestOf({ settings }));
  await expect(train(await requestOf({ settings, key: "other" }))).rejects.toMatchObject({
    code: "DATA_INVALID",
    suggestions: ["train without --resume to start over"],
  });
});

test("a model learns to repeat a token", async () => {
  const settings = { ...copySettings, steps: 150, learningRate: 0.03, evaluateEvery: 1000, saveEvery: 1000 };
  const report = await train(await requestOf({ settings }));
  expect(report.loss).toBeLessThan(0.6);
  const first = (await logOf(directory))[0] as { loss: number; crossEntropy: number };
  expect(first.loss).toBeGreaterThan(2 * report.loss);
  expect(report.epochs).toBeCloseTo(150 / 6, 0);
});

test("a loss that is not a number stops the run by stage and step", async () => {
  const objective = copyObjective(pairs, copySettings.batchSize);
  const broken = {
    ...objective,
    feeds: async (...given: Parameters<typeof objective.feeds>) => {
      const made = await objective.feeds(...given);
      const count = createHostTensor("float32", [], Float32Array.of(given[2] === 3 ? Number.NaN : 8));
      return { ...made, feeds: { ...made.feeds, count } };
    },
  };
  const run = train(await requestOf({ objective: broken }));
  await expect(run).rejects.toMatchObject({ code: "GATE_FAILED" });
  await expect(run).rejects.toThrow("copy: the loss is NaN at step 3");
});

test("a failure while a batch is made ends the run with that failure", async () => {
  const objective = {
    ...copyObjective(pairs, copySettings.batchSize),
    feeds: () => Promise.reject(new Error("no batch")),
  };
  await expect(train(await requestOf({ objective }))).rejects.toThrow("no batch");
});
