import { describe, expect, test } from "vitest";
import type { ArmName } from "./probe-arms.js";
import { compareArms, type ProbeAnswers } from "./probe-choice.js";

const references = Array.from({ length: 200 }, (_, row) => [`answer ${row}`]);

/** Answers of which the first `right` are correct. */
const answered = (right: number): string[] =>
  references.map(([text = ""], row) => (row < right ? text : "wrong"));

const arm = (name: ArmName, right: number, fraction = 0): ProbeAnswers => ({
  name,
  fraction,
  seconds: 1,
  predictions: answered(right),
});

const compare = (
  answers: readonly ProbeAnswers[],
  teacher?: number,
  metric: "exactMatch" | "wer" = "exactMatch",
) =>
  compareArms({
    metric,
    references,
    answers,
    teacher: teacher === undefined ? undefined : answered(teacher),
    steps: 100,
    seed: 1,
  });

describe("the choice of a probe", () => {
  test("is the arm of the largest gain whose interval lies above zero", () => {
    const result = compare(
      [arm("labels", 80), arm("teacherLabels", 110, 0.5), arm("logits", 82), arm("both", 120, 0.5)],
      140,
    );
    expect(result.chosen).toEqual({ name: "both", fraction: 0.5 });
    expect(result.arms[3]!.gain!.value).toBeCloseTo(0.2, 10);
    expect(result.arms[3]!.gain!.low).toBeGreaterThan(0.13);
    expect(result.reason).not.toMatch(/overtake/u);
  });

  test("is labels alone where no gain exceeds what the rows explain", () => {
    const result = compare([arm("labels", 80), arm("teacherLabels", 82, 0.5), arm("logits", 70)], 85);
    expect(result.chosen).toEqual({ name: "labels", fraction: 0 });
    expect(result.reason).toMatch(/learns from labels alone/u);
  });

  test("turns gains of error rates around: fewer errors are a gain", () => {
    const result = compare([arm("labels", 80), arm("logits", 120)], undefined, "wer");
    expect(result.arms[1]!.gain!.value).toBeGreaterThan(0.05);
    expect(result.chosen.name).toBe("logits");
  });

  test("warns that a student may overtake a teacher whose own answers are no better than those of labels alone", () => {
    expect(compare([arm("labels", 80), arm("logits", 110)], 81).reason).toMatch(/may overtake it/u);
  });
});
