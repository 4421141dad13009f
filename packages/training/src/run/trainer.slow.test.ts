import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { StageContext } from "@slm/core";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { math } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import {
  copyConfig,
  copyObjective,
  copyPairs,
  copyRequest,
  copySettings,
} from "../test-support/copy-task.test-support.js";
import { METRICS_FILE, STATE_FILE, train } from "./trainer.js";
import { FAILED_STEP_FILE } from "./step-runner.js";
import type { DevMetric, Objective, TrainReport, TrainRequest } from "../contract/training-contract.js";
import type { TrainingSettings } from "../training-config.js";
import type { RateGroups } from "../optimizer/rate-groups.js";
import { initializeWeights } from "@slm/model";
import { readSafetensors } from "@slm/checkpoints";
import { pairsOf } from "../data/pairs.js";
import { createHostTensor } from "@slm/runtime";

const directory = temporaryFolder({ each: true });

const pairs = copyPairs(40, 1);

const requestOf = (
  changes: Partial<TrainRequest> = {},
  context: Partial<StageContext> = {},
): Promise<TrainRequest> => copyRequest({ workDirectory: directory, pairs }, changes, context);

/** The log without anything that depends on the clock. */
async function logOf(workDirectory: string): Promise<unknown[]> {
  const lines = (await readFile(join(workDirectory, METRICS_FILE), "utf8")).trim().split("\n");
  return lines.map((line) => ({
    ...(JSON.parse(line) as Record<string, unknown>),
    tokensPerSecond: 0,
    wallTime: 0,
  }));
}

/** Trains, stopping at each of the steps in turn and starting again. */
async function trainWithStops(
  stops: readonly number[],
  workDirectory: string,
  settings: TrainingSettings = copySettings,
  changes: Partial<TrainRequest> = {},
): Promise<TrainReport> {
  const objective = copyObjective(pairs, settings.batchSize);
  for (const stop of stops) {
    const controller = new AbortController();
    const stopping = {
      ...objective,
      // A step's feeds are created while the previous step runs: the run stops after `stop` steps.
      feeds: (...given: Parameters<typeof objective.feeds>) => {
        if (given[2] > stop * settings.gradientAccumulationSteps) controller.abort();
        return objective.feeds(...given);
      },
    };
    const request = await requestOf(
      { ...changes, workDirectory, settings, objective: stopping },
      { signal: controller.signal },
    );
    await expect(train(request)).rejects.toMatchObject({ code: "INTERRUPTED" });
  }
  return train(await requestOf({ ...changes, workDirectory, settings, objective }));
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

  test.each([
    ["Muon", { optimizer: "muon" }],
    ["a moving average", { emaDecay: 0.9 }],
    ["gradients of three batches a step", { gradientAccumulationSteps: 3 }],
    ["dropout", { dropout: 0.3 }],
    ["a warm-up, stable, decay schedule", { schedule: "wsd" }],
    ["the average of its best", { checkpointAveraging: 3 }],
    ["adapters", { lora: 2 }],
  ] as const)("with %s ends with the same weights and log", async (_, changes) => {
    const settings: TrainingSettings = {
      ...copySettings,
      ...(changes as Partial<TrainingSettings>),
      steps: 12,
      evaluateEvery: 3,
    };
    const [plain, stopped] = [join(directory, "plain"), join(directory, "stopped")];
    const expected = await trainWithStops([], plain, settings);
    const actual = await trainWithStops([2, 9], stopped, settings);
    expect(actual.weights).toEqual(expected.weights);
    expect(actual.metrics).toEqual(expected.metrics);
    expect(actual.averagedSteps).toEqual(expected.averagedSteps);
    expect(await logOf(stopped)).toEqual(await logOf(plain));
  });

  test.each([
    ["perfect", 1, [2, 5], { evaluateEvery: 4, decayFraction: 0.75, endsAt: 7 }],
    ["plateau", 0.5, [5, 12], { evaluateEvery: 1, decayFraction: 0.25, endsAt: 14 }],
  ] as const)(
    "that stops early (%s) ends with the same weights and log",
    async (reason, value, stops, given) => {
      const { endsAt, ...changes } = given;
      const settings: TrainingSettings = { ...copySettings, ...changes, steps: 20 };
      const dev: DevMetric = {
        ranking: [{ name: "exactMatch", higherIsBetter: true }],
        measure: () => Promise.resolve({ exactMatch: value }),
      };
      const [plain, stopped] = [join(directory, "plain"), join(directory, "stopped")];
      const expected = await trainWithStops([], plain, settings, { dev });
      const actual = await trainWithStops(stops, stopped, settings, { dev });
      expect(actual.weights).toEqual(expected.weights);
      expect(await logOf(stopped)).toEqual(await logOf(plain));
      // Of equal measurements the decayed one is the best.
      const outcome = { steps: endsAt, bestStep: endsAt, earlyStop: { reason, endsAt } };
      expect([actual, expected]).toMatchObject([outcome, outcome]);
      const log = (await logOf(plain)) as { note?: string; learningRate?: number }[];
      expect(log.filter(({ note }) => note !== undefined)).toHaveLength(1);
      const lowest = 0.1 * settings.learningRate;
      expect(log.findLast(({ learningRate }) => learningRate !== undefined)!.learningRate).toBeCloseTo(
        lowest,
      );
    },
  );

  test("starts by removing the files of killed saves", async () => {
    const left = join(directory, `${STATE_FILE}.4711.0123abcd.tmp`);
    await writeFile(left, "half of a state");
    await train(await requestOf({ settings: { ...copySettings, steps: 2 } }));
    expect(await readdir(directory)).not.toContain(basename(left));
  });

  test("after its last step reports its earlier result", async () => {
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

describe("learning-rate groups", () => {
  const isEmbedding = (name: string): boolean => name.startsWith("embedding.");
  const groups: RateGroups = {
    groupOf: (name) => (isEmbedding(name) ? undefined : "rest"),
    factorAt: (_group, step) => (step <= 6 ? 0 : 0.5),
  };
  const settings: TrainingSettings = { ...copySettings, steps: 6, evaluateEvery: 99 };
  const seeded = initializeWeights(copyConfig, createRandom(5).next);

  test.each(["adamw", "muon"] as const)(
    "of factor 0 keep every bit of their weights while the others learn: %s",
    async (optimizer) => {
      const { weights } = await train(await requestOf({ settings: { ...settings, optimizer }, groups }));
      for (const [name, { data }] of weights)
        if (isEmbedding(name)) expect(data).not.toEqual(seeded.get(name)!.data);
        else expect(data).toEqual(seeded.get(name)!.data);
    },
  );

  test("learn as others do once their factor is above 0, and resume bit for bit", async () => {
    const longer = { ...settings, steps: 12 };
    const [plain, stopped] = [join(directory, "plain"), join(directory, "stopped")];
    const { weights } = await trainWithStops([], plain, longer, { groups });
    for (const [name, { data }] of weights) expect(data).not.toEqual(seeded.get(name)!.data);
    expect((await trainWithStops([4, 9], stopped, longer, { groups })).weights).toEqual(weights);
  });
});

test("the state of a run with another key is rejected", async () => {
  const settings = { ...copySettings, steps: 7 };
  await train(await requestOf({ settings }));
  await expect(train(await requestOf({ settings, key: "other" }))).rejects.toMatchObject({
    code: "DATA_INVALID",
    suggestions: ["train without --resume to start over"],
  });
});

test("a model learns to repeat a token", async () => {
  const settings = { ...copySettings, steps: 150, learningRate: 0.03, evaluateEvery: 1000 };
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
  await expect(run).rejects.toThrow(withCode("GATE_FAILED"));
  // The inputs of the step can be inspected.
  const { tensors, metadata } = await readSafetensors(join(directory, FAILED_STEP_FILE));
  expect(metadata).toMatchObject({ stage: "copy", step: "3" });
  expect(Number.isNaN(Number(tensors.get("count")!.data[0]))).toBe(true);
  expect([...tensors.keys()].sort()).toEqual(["count", "ids", "labels", "mask"]);
});

test("a run whose loss rises far above its start says so at once and in its report, also after a stop", async () => {
  const settings = { ...copySettings, steps: 60, learningRate: 30, evaluateEvery: 20 };
  const notes: string[] = [];
  const progress: StageContext["progress"] = ({ message, isNote }) => {
    if (isNote === true) notes.push(message ?? "");
  };
  const { diverged } = await train(await requestOf({ settings }, { progress }));
  expect(diverged?.peakLoss).toBeGreaterThan(2 * diverged!.firstLoss);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain("training diverged: the loss rose from");
  const again = join(directory, "again");
  await mkdir(again);
  expect((await trainWithStops([25], again, settings)).diverged).toEqual(diverged);
});

test("a run that diverged and learned nothing is rejected", async () => {
  const settings = { ...copySettings, steps: 40, learningRate: 30 };
  const nothing: DevMetric = {
    ranking: [{ name: "exactMatch", higherIsBetter: true }],
    measure: () => Promise.resolve({ exactMatch: 0 }),
  };
  const run = train(await requestOf({ settings, dev: nothing }));
  await expect(run).rejects.toThrow(withCode("GATE_FAILED"));
});

test("a failure while a batch is made ends the run with that failure", async () => {
  const objective = {
    ...copyObjective(pairs, copySettings.batchSize),
    feeds: () => Promise.reject(new Error("no batch")),
  };
  await expect(train(await requestOf({ objective }))).rejects.toThrow("no batch");
});

test("gradients of two half batches make the step of the whole batch", async () => {
  // Every batch contains the same pairs, so halves and wholes use the same data whatever the order.
  const same = pairsOf(
    new Array<number[]>(32).fill([5]),
    Array.from({ length: 32 }, (_, i) => new Array<number>(1 + (i % 2)).fill(5)),
  );
  const lengthsOfOne = { source: same.lengths.source, target: same.lengths.target.map(() => 3) };
  const wholeSettings = { ...copySettings, steps: 6, batchSize: 32, evaluateEvery: 6, buckets: 1 };
  const run = async (settings: TrainingSettings, name: string): Promise<TrainReport> =>
    train(
      await requestOf({
        settings,
        lengths: lengthsOfOne,
        objective: copyObjective(same, settings.batchSize),
        workDirectory: join(directory, name),
      }),
    );
  const whole = await run(wholeSettings, "whole");
  const halves = await run({ ...wholeSettings, batchSize: 16, gradientAccumulationSteps: 2 }, "halves");
  expect(halves.epochs).toBe(whole.epochs);
  for (const [name, { data }] of whole.weights) {
    data.forEach((value, i) => {
      expect(Number(halves.weights.get(name)!.data[i])).toBeCloseTo(Number(value), 4);
    });
  }
});

test("adapters leave every other weight as it was", async () => {
  const report = await train(await requestOf({ settings: { ...copySettings, lora: 2 } }));
  const start = initializeWeights(copyConfig, createRandom(5).next);
  for (const [name, tensor] of report.weights) {
    if (/\.(?:attention|feedForward)\..*\.weight$/u.test(name))
      expect(tensor.data).not.toEqual(start.get(name)!.data);
    else expect(tensor.data).toEqual(start.get(name)!.data);
  }
});

test("auxiliary tensors are trained and are not part of the weights", async () => {
  const objective = copyObjective(pairs, copySettings.batchSize);
  const auxiliary = [
    { name: "auxiliary.scale.weight", shape: [1, 1], initialization: { kind: "ones" } },
  ] as const;
  let final = Number.NaN;
  const scaled: Objective = {
    ...objective,
    auxiliary,
    definition: (bucket, variant) => {
      const plain = objective.definition(bucket, variant);
      return {
        ...plain,
        terms: ["scale"],
        build: (parameters, x) => {
          const { "auxiliary.scale.weight": scale, ...model } = parameters;
          const { loss } = plain.build(model, x);
          const term = math.sum(math.square(scale!));
          return { loss: math.add(loss, term), terms: { scale: term } };
        },
      };
    },
  };
  const report = await train(await requestOf({ objective: scaled }));
  for (const line of await logOf(directory)) final = (line as { scale?: number }).scale ?? final;
  expect(final).toBeLessThan(1);
  expect([...report.weights.keys()].some((name) => name.startsWith("auxiliary"))).toBe(false);
});
