import { createRandom } from "@slm/generation";
import { describe, expect, test } from "vitest";
import { targetOrigin, type TargetsConfig } from "./target-shares.js";

const none: TargetsConfig = { sequenceKdFraction: 0, onPolicyFraction: 0, unlabelledFraction: 0 };

describe(targetOrigin, () => {
  test("follows the shares", () => {
    const targets: TargetsConfig = {
      sequenceKdFraction: 0.3,
      onPolicyFraction: 0.2,
      unlabelledFraction: 0.1,
    };
    const { next } = createRandom(1);
    const counts = { gold: 0, teacher: 0, student: 0, unlabelled: 0 };
    for (let i = 0; i < 10_000; i++) counts[targetOrigin(targets, next())] += 1;
    expect(counts.teacher / 10_000).toBeCloseTo(0.3, 1);
    expect(counts.student / 10_000).toBeCloseTo(0.2, 1);
    expect(counts.unlabelled / 10_000).toBeCloseTo(0.1, 1);
  });

  test("is always gold without shares, and never gold if they add up to 1, despite rounding", () => {
    for (const draw of [0, 0.5, 0.999999, 1 - 2 ** -53]) {
      expect(targetOrigin(none, draw)).toBe("gold");
      expect(targetOrigin({ ...none, sequenceKdFraction: 1 }, draw)).toBe("teacher");
      expect(
        targetOrigin({ sequenceKdFraction: 0.1, onPolicyFraction: 0.7, unlabelledFraction: 0.2 }, draw),
      ).not.toBe("gold");
    }
  });
});
