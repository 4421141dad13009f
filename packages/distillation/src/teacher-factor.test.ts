import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distillConfig, type DistillConfig } from "./distill-config.js";
import { besideTeacher, followsDev, teacherFactorOf, type TeacherFactor } from "./teacher-factor.js";

const student = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 8,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 4,
  maxTarget: 4,
};

const settingsOf = (teacherFactor: object | undefined, metric = "wer"): DistillConfig =>
  distillConfig.parse({ student, steps: 11, metrics: [metric], loss: { teacherFactor } });

const factorOf = (teacherFactor: object, metric?: string): TeacherFactor =>
  teacherFactorOf(settingsOf(teacherFactor, metric))!;

test("settings without a factor have none", () => {
  expect(teacherFactorOf(settingsOf(undefined))).toBeUndefined();
  expect(followsDev(settingsOf(undefined))).toBe(false);
  expect(followsDev(settingsOf({ from: 1, to: 0 }))).toBe(false);
});

test("a schedule goes from the first step to the last, whatever is measured", () => {
  const factor = factorOf({ from: 1, to: 0.2, begin: 0.5 });
  const values = [1, 6, 7, 11].map((step) => factor(step, { wer: 0 }));
  expect(values[0]).toBe(1);
  expect(values[1]).toBe(1);
  expect(values[2]).toBeCloseTo(1 - 0.8 * 0.2, 10);
  expect(values[3]).toBeCloseTo(0.2, 10);
});

describe("a factor that follows the dev metric", () => {
  test("is 1 before the first measurement and for a teacher without errors", () => {
    expect(factorOf({ follow: "dev" })(1, {})).toBe(1);
    expect(factorOf({ follow: "dev" })(5, { wer: 0.1, "teacher.wer": 0 })).toBe(1);
  });

  test.each([
    ["wer", 0.4, 0.2, 1],
    ["wer", 0.24, 0.2, 1],
    ["wer", 0.22, 0.2, 0.75],
    ["wer", 0.2, 0.2, 0.5],
    ["wer", 0.16, 0.2, 0],
    ["wer", 0.02, 0.2, 0],
    // Errors 0.18 and 0.2; 45 and 50 points.
    ["exactMatch", 0.82, 0.8, 0.25],
    ["chrf", 55, 50, 0.25],
  ])("%s of %d beside a teacher's %d gives %d", (metric, own, teacher, expected) => {
    const factor = factorOf({ follow: "dev", margin: 0.2 }, metric);
    expect(factor(3, { [metric]: own, [`teacher.${metric}`]: teacher })).toBeCloseTo(expected, 10);
  });

  test("never grows as the student gets better, and stays between 0 and 1", () => {
    const error = fc.double({ min: 0, max: 2, noNaN: true });
    fc.assert(
      fc.property(error, error, fc.double({ min: 0.01, max: 2, noNaN: true }), (one, other, teacher) => {
        const factor = factorOf({ follow: "dev" });
        const [better, worse] = [Math.min(one, other), Math.max(one, other)].map((wer) =>
          factor(1, { wer, "teacher.wer": teacher }),
        );
        expect(better).toBeGreaterThanOrEqual(0);
        expect(worse).toBeLessThanOrEqual(1);
        expect(better).toBeLessThanOrEqual(worse!);
      }),
    );
  });

  test("finds the teacher's value beside the student's in every measurement", async () => {
    const live = {} as Parameters<ReturnType<typeof besideTeacher>["measure"]>[0];
    const dev = besideTeacher(
      {
        ranking: [{ name: "wer", higherIsBetter: false }],
        measure: () => Promise.resolve({ wer: 0.2, per: 0.1 }),
      },
      0.2,
    );
    const metrics = await dev.measure(live);
    expect(metrics).toEqual({ wer: 0.2, per: 0.1, "teacher.wer": 0.2 });
    expect(factorOf({ follow: "dev" })(1, metrics)).toBe(0.5);
  });
});
