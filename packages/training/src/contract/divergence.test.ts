import { describe, expect, test } from "vitest";
import { divergenceOf, divergenceText, followLoss, rejectDiverged, type LossCourse } from "./divergence.js";

const start = (first: number): LossCourse => ({ first, peak: first, peakStep: 1 });
const courseOf = (first: number, ...means: readonly number[]): LossCourse =>
  means.reduce((course, loss, index) => followLoss(course, 20 * (index + 1), loss), start(first));

describe(divergenceOf, () => {
  test("names the step at which the loss was highest", () => {
    const found = divergenceOf(courseOf(3, 50, 129, 30, 1.7));
    expect(found).toEqual({ firstLoss: 3, peakLoss: 129, step: 40 });
    expect(divergenceText(found!)).toBe(
      "training diverged: the loss rose from 3 at the first step to 129 at step 40",
    );
  });

  test.each([
    ["falls", courseOf(3, 2, 1)],
    ["rises by half", courseOf(3, 4.5, 2)],
    ["starts near zero, where noise is large against it", courseOf(0.1, 0.9, 0.1)],
  ])("finds none in a loss that %s", (_, course) => {
    expect(divergenceOf(course)).toBeUndefined();
  });
});

describe(rejectDiverged, () => {
  const diverged = divergenceOf(courseOf(3, 50));
  const run = { stage: "distill", learningRate: 5 };

  test.each([[{ exactMatch: 0 }], [{ wer: 1, per: 0.9 }], [{ per: 0.9, wer: 1.2 }]])(
    "rejects a diverged run whose best weights have %j",
    (metrics) => {
      expect(() => {
        rejectDiverged(diverged, metrics, run);
      }).toThrow(
        expect.objectContaining({
          code: "GATE_FAILED",
          suggestions: ["lower learningRate in the recipe from 5, for example to 0.5"],
        }),
      );
    },
  );

  test("passes good weights from before the divergence, and poor ones of a run that did not diverge", () => {
    expect(() => {
      rejectDiverged(diverged, { exactMatch: 0.4 }, run);
      rejectDiverged(undefined, { exactMatch: 0 }, run);
    }).not.toThrow();
  });
});
