import { readdir } from "node:fs/promises";
import type { SILENT } from "@slm/core";
import { readCheckpoint } from "@slm/checkpoints";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TinyRun } from "../test-support/run.test-support.js";
import { trainRounds } from "./train-rounds.js";

let run: TinyRun;
beforeEach(async () => {
  run = await TinyRun.create();
});
afterEach(() => run.remove());

/** The result is the mean of all measured weights: every answer of so short a training is wrong, and among equals the first would win. */
const labelsOnly = { loss: { forwardKl: 0, crossEntropy: 1 }, checkpointAveraging: 4 };
const replicas = (
  count: number,
  changes: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  ...labelsOnly,
  replicas: { count, innerSteps: 2, ...changes },
});

async function weightsOf(work: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const { weights } = await readCheckpoint(run.at(work));
  return Object.fromEntries([...weights].map(([name, { data }]) => [name, Array.from(data, Number)]));
}

/** The largest difference between weights of two runs. */
async function difference(one: string, two: string): Promise<number> {
  const [a, b] = [await weightsOf(one), await weightsOf(two)];
  return Math.max(
    ...Object.entries(a).flatMap(([name, values]) =>
      values.map((value, i) => Math.abs(value - b[name]![i]!)),
    ),
  );
}

describe(trainRounds, () => {
  test("with one replica and a plain outer step is the training of one machine", async () => {
    await run.distill(labelsOnly, { work: "plain" });
    const { rounds } = await run.distill(replicas(1, { outerLearningRate: 1, outerMomentum: 0 }), {
      work: "rounds",
    });
    expect(rounds).toMatchObject({ replicas: 1, rounds: 2, trafficBytes: 0 });
    // start - (start - end) rounds in float32; two rounds of weights below 1.
    expect(await difference("plain", "rounds")).toBeLessThan(1e-6);
  });

  test("leaves what a run leaves, and says what it exchanged and what gradients would have been", async () => {
    const { rounds, parameters, steps } = await run.distill(replicas(2));
    expect(steps).toBe(4);
    expect(rounds).toMatchObject({
      replicas: 2,
      rounds: 2,
      gradientTrafficBytes: 2 * 4 * parameters * 2 * 4,
    });
    expect(rounds!.tokens).toBeGreaterThan(0);
    const left = await readdir(run.at("work"));
    expect(left).not.toContain("rounds");
    expect(left).toContain("model.safetensors");
    const lines = await run.log();
    expect(lines.filter((line) => "loss" in line).map(({ step }) => step)).toEqual([2, 4]);
    expect(lines.filter((line) => "dev.wer" in line).map(({ step }) => step)).toEqual([2, 4]);
  });

  test("reads other batches with another replica", async () => {
    await run.distill(replicas(1, { outerMomentum: 0 }), { work: "one" });
    await run.distill(replicas(2, { outerMomentum: 0 }), { work: "two" });
    expect(await difference("one", "two")).toBeGreaterThan(1e-4);
  });

  test("goes on where it was interrupted, and ends with the same bits", async () => {
    await run.distill(replicas(2), { work: "whole" });
    const controller = new AbortController();
    const context = {
      progress: (update: Parameters<typeof SILENT>[0]) => {
        if (update.message?.startsWith("round 1") === true) controller.abort();
      },
      signal: controller.signal,
    };
    await expect(run.distill(replicas(2), { work: "cut", context })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(await readdir(run.at("cut"))).toContain("rounds");
    await run.distill(replicas(2), { work: "cut" });
    expect(await weightsOf("cut")).toEqual(await weightsOf("whole"));
  });

  test("begins with steps of one machine, with which a single replica is that machine throughout", async () => {
    await run.distill(labelsOnly, { work: "plain" });
    const plain = { outerLearningRate: 1, outerMomentum: 0, warmupSteps: 2 };
    const { rounds } = await run.distill(replicas(1, plain), { work: "warm" });
    expect(rounds).toMatchObject({ rounds: 1, warmupSteps: 2 });
    expect(await difference("plain", "warm")).toBeLessThan(1e-6);
    // The warm-up is measured as a run is, and gives what one machine gives at that step, to the bit.
    const measuredAt = async (work: string, step: number): Promise<unknown> =>
      (await run.log(work)).filter((line) => line["step"] === step && "dev.wer" in line);
    expect(await measuredAt("warm", 2)).toHaveLength(1);
    expect(await measuredAt("warm", 2)).toEqual(await measuredAt("plain", 2));
  });

  test("counts the gradients of its rounds, and the tokens of all", async () => {
    const whole = await run.distill(replicas(2), { work: "whole" });
    const { rounds, parameters } = await run.distill(replicas(2, { warmupSteps: 1 }), { work: "warm" });
    // Steps 2 and 3, then step 4.
    expect(rounds).toMatchObject({ rounds: 2, gradientTrafficBytes: 2 * 4 * parameters * 2 * 3 });
    expect(rounds!.tokens).toBeGreaterThan(0);
    expect(rounds!.tokens).toBeLessThan(whole.rounds!.tokens);
    expect(await difference("whole", "warm")).toBeGreaterThan(1e-4);
  });

  test.each(["step 1", "step 2", "round 1"])(
    "interrupted at %s of a warm run, ends with the same bits",
    async (at) => {
      const warm = { ...replicas(2, { warmupSteps: 2, innerSteps: 1 }), evaluateEvery: 1 };
      await run.distill(warm, { work: "whole" });
      const controller = new AbortController();
      const progress = ({ step, message }: Parameters<typeof SILENT>[0]): void => {
        if (message?.startsWith(at) === true || `step ${step}` === at) controller.abort();
      };
      const context = { progress, signal: controller.signal };
      await expect(run.distill(warm, { work: "cut", context })).rejects.toMatchObject({
        code: "INTERRUPTED",
      });
      await run.distill(warm, { work: "cut" });
      expect(await weightsOf("cut")).toEqual(await weightsOf("whole"));
    },
  );

  test("rejects what rounds do not go with", async () => {
    for (const changes of [{ emaDecay: 0.9 }, { patience: 2 }, { probe: { steps: 2 } }])
      await expect(run.distill({ ...replicas(2), ...changes })).rejects.toThrow(/replicas/u);
    await expect(run.distill(replicas(2, { warmupSteps: 4 }))).rejects.toThrow(/no round after the warm-up/u);
  });
});
