/** Which weights of a run are kept: the best on the dev split, or the average of the best ones. */
import { join } from "node:path";
import type { StageContext } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { initializeWeights } from "@slm/model";
import { describe, expect, test } from "vitest";
import { copyConfig, copyPairs, copyRequest, copySettings } from "../test-support/copy-task.test-support.js";
import { train } from "./trainer.js";
import type { DevMetric, TrainReport, TrainRequest } from "../contract/training-contract.js";

const directory = temporaryFolder({ each: true });

const pairs = copyPairs(40, 1);

const requestOf = (
  changes: Partial<TrainRequest> = {},
  context: Partial<StageContext> = {},
): Promise<TrainRequest> => copyRequest({ workDirectory: directory, pairs }, changes, context);

/** A metric that returns the given values, one per measurement. */
function scriptedMetric(values: readonly number[]): DevMetric {
  let call = 0;
  return {
    ranking: [{ name: "scripted", higherIsBetter: false }],
    measure: () => Promise.resolve({ scripted: values[Math.min(call++, values.length - 1)]! }),
  };
}

test("the next metric chooses the checkpoint where the first one is equal", async () => {
  const script = [
    { exact: 0, error: 3 },
    { exact: 0, error: 1 },
    { exact: 0, error: 2 },
    { exact: 0, error: 1 },
  ];
  let call = 0;
  const dev: DevMetric = {
    ranking: [
      { name: "exact", higherIsBetter: true },
      { name: "error", higherIsBetter: false },
    ],
    measure: () => Promise.resolve(script[call++]!),
  };
  const settings = { ...copySettings, steps: 16, evaluateEvery: 4 };
  expect(await train(await requestOf({ settings, dev }))).toMatchObject({
    bestStep: 8,
    metrics: { exact: 0, error: 1 },
  });
});

describe("the average of the best measurements", () => {
  const settings = { ...copySettings, steps: 20, evaluateEvery: 4, checkpointAveraging: 2 };
  const weightsAt = async (step: number): Promise<TrainReport["weights"]> => {
    const single = { ...settings, checkpointAveraging: 1 };
    const script = [4, 8, 12, 16, 20].map((at) => (at === step ? 0 : 1));
    const workDirectory = join(directory, `only-${step}`);
    return (await train(await requestOf({ settings: single, workDirectory, dev: scriptedMetric(script) })))
      .weights;
  };

  test("is kept if it is not worse than the best one", async () => {
    // The last value is the average's own.
    const report = await train(await requestOf({ settings, dev: scriptedMetric([5, 2, 4, 1, 6, 0.5]) }));
    expect(report).toMatchObject({ bestStep: 16, averagedSteps: [16, 8], metrics: { scripted: 0.5 } });
    const [a, b] = [await weightsAt(16), await weightsAt(8)];
    for (const [name, { data }] of report.weights) {
      data.forEach((value, i) => {
        expect(Number(value)).toBeCloseTo(
          (Number(a.get(name)!.data[i]) + Number(b.get(name)!.data[i])) / 2,
          6,
        );
      });
    }
  });

  test("is dropped if it is worse", async () => {
    const report = await train(await requestOf({ settings, dev: scriptedMetric([5, 2, 4, 1, 6, 3]) }));
    expect(report).toMatchObject({ bestStep: 16, averagedSteps: [16], metrics: { scripted: 1 } });
    expect(report.weights).toEqual(await weightsAt(16));
  });
});

test("a moving average of the weights is measured and kept", async () => {
  const settings = { ...copySettings, steps: 1, evaluateEvery: 1, emaDecay: 0.5 };
  const [plain, averaged] = await Promise.all(
    [{ ...settings, emaDecay: 0 }, settings].map(async (given, index) =>
      train(await requestOf({ settings: given, workDirectory: join(directory, String(index)) })),
    ),
  );
  const start = initializeWeights(copyConfig, createRandom(5).next);
  // After one step the average keeps (1 + 1) / (10 + 1) of the starting weights.
  const keep = 2 / 11;
  for (const [name, { data }] of averaged!.weights) {
    data.forEach((value, i) => {
      const [before, after] = [Number(start.get(name)!.data[i]), Number(plain!.weights.get(name)!.data[i])];
      expect(Number(value)).toBeCloseTo(keep * before + (1 - keep) * after, 6);
    });
  }
});
