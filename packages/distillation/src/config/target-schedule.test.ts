import { createRandom } from "@slm/generation";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fullestShares, shareAt, targetOrigin, type TargetsConfig } from "./target-schedule.js";

const none: TargetsConfig = { sequenceKdFraction: 0, onPolicyFraction: 0, unlabelledFraction: 0 };

describe(shareAt, () => {
  test("changes linearly between begin and end, and is constant outside", () => {
    const share = { from: 0.2, to: 0.6, begin: 0.25, end: 0.75 };
    expect([0, 0.25, 0.5, 0.75, 1].map((progress) => shareAt(share, progress))).toEqual([
      0.2, 0.2, 0.4, 0.6, 0.6,
    ]);
    expect(shareAt(0.3, 0.9)).toBe(0.3);
  });
});

describe(fullestShares, () => {
  const fraction = fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20);
  const anyShare = fc.oneof(
    fraction,
    fc
      .record({ from: fraction, to: fraction, begin: fraction, end: fraction })
      .filter(({ begin, end }) => begin < end),
  );

  test("is the largest sum at any point of the run", () => {
    fc.assert(
      fc.property(
        fc.record({ sequenceKdFraction: anyShare, onPolicyFraction: anyShare, unlabelledFraction: anyShare }),
        (targets) => {
          const sums = Array.from({ length: 101 }, (_, percent) =>
            Object.values(targets).reduce<number>((sum, share) => sum + shareAt(share, percent / 100), 0),
          );
          // Bends lie on multiples of 1/20, which are among the points.
          expect(fullestShares(targets)).toBeCloseTo(Math.max(...sums), 9);
        },
      ),
    );
  });
});

describe(targetOrigin, () => {
  test("follows the shares of the moment", () => {
    const targets: TargetsConfig = {
      sequenceKdFraction: 0.3,
      onPolicyFraction: { from: 0, to: 0.4, begin: 0, end: 1 },
      unlabelledFraction: 0.1,
    };
    const { next } = createRandom(1);
    for (const progress of [0, 0.5, 1]) {
      const counts = { gold: 0, teacher: 0, student: 0, unlabelled: 0 };
      for (let i = 0; i < 10_000; i++) counts[targetOrigin(targets, progress, next())] += 1;
      expect(counts.teacher / 10_000).toBeCloseTo(0.3, 1);
      expect(counts.student / 10_000).toBeCloseTo(0.4 * progress, 1);
      expect(counts.unlabelled / 10_000).toBeCloseTo(0.1, 1);
    }
  });

  test("is always gold without shares and never gold when they fill up, whatever the rounding", () => {
    for (const draw of [0, 0.5, 0.999999, 1 - 2 ** -53]) {
      expect(targetOrigin(none, 0.5, draw)).toBe("gold");
      expect(targetOrigin({ ...none, sequenceKdFraction: 1 }, 0, draw)).toBe("teacher");
      expect(
        targetOrigin({ sequenceKdFraction: 0.1, onPolicyFraction: 0.7, unlabelledFraction: 0.2 }, 0, draw),
      ).not.toBe("gold");
      expect(targetOrigin({ ...none, onPolicyFraction: { from: 1, to: 0, begin: 0, end: 1 } }, 1, draw)).toBe(
        "gold",
      );
    }
  });
});
