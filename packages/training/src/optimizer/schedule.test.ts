import { describe, expect, test } from "vitest";
import { learningRateAt } from "./schedule.js";

const settings = {
  learningRate: 0.2,
  warmupSteps: 4,
  steps: 12,
  schedule: "cosine" as const,
  decayFraction: 0.5,
};

describe("a cosine", () => {
  test.each([
    [1, 0.05],
    [2, 0.1],
    [4, 0.2],
    [6, 0.2 * (0.02 + (0.98 * (1 + Math.SQRT1_2)) / 2)],
    [8, 0.2 * (0.02 + 0.49)],
    [12, 0.004],
    [20, 0.004],
  ])("the rate of step %i is %f", (step, expected) => {
    expect(learningRateAt(step, settings)).toBeCloseTo(expected, 12);
  });

  test("without warm-up the first step is already on the cosine", () => {
    const rate = learningRateAt(1, { ...settings, warmupSteps: 0 });
    expect(rate).toBeLessThan(0.2);
    expect(rate).toBeGreaterThan(0.19);
  });

  test("a run as short as its warm-up ends at the peak", () => {
    expect(learningRateAt(4, { ...settings, steps: 4 })).toBeCloseTo(0.2, 12);
  });
});

describe("warm-up, stable, decay", () => {
  // Six of twelve steps decay: from the peak at step 6 by 1 - sqrt(progress).
  test.each([
    [2, 0.1],
    [4, 0.2],
    [6, 0.2],
    [9, 0.2 * (0.02 + 0.98 * (1 - Math.SQRT1_2))],
    [12, 0.004],
    [20, 0.004],
  ])("has its rate of step %i at %f", (step, expected) => {
    expect(learningRateAt(step, { ...settings, schedule: "wsd" })).toBeCloseTo(expected, 12);
  });
});

describe("after the decision to stop early at step 8, with the end at step 12", () => {
  // From the height that the schedule has at step 8, by 1 - sqrt(progress), to the lowest rate.
  const stop = { reason: "plateau", decidedAt: 8, endsAt: 12 } as const;
  const longer = { ...settings, steps: 100 };

  test.each(["cosine", "wsd"] as const)("the rate of %s decays from where it is", (schedule) => {
    const rate = (step: number): number => learningRateAt(step, { ...longer, schedule }, stop);
    expect(rate(8)).toBe(learningRateAt(8, { ...longer, schedule }));
    expect(rate(9)).toBeCloseTo(0.004 + (rate(8) - 0.004) / 2, 12);
    expect(rate(12)).toBeCloseTo(0.004, 12);
  });
});
