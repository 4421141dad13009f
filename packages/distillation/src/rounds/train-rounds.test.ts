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

const labelsOnly = { loss: { forwardKl: 0, crossEntropy: 1 } };
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

  test("rejects what rounds do not go with", async () => {
    for (const changes of [{ emaDecay: 0.9 }, { patience: 2 }, { probe: { steps: 2 } }])
      await expect(run.distill({ ...replicas(2), ...changes })).rejects.toThrow(/replicas/u);
  });
});
