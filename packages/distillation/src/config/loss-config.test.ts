import { describe, expect, test } from "vitest";
import { distillConfig } from "./distill-config.js";
import { requiresDistributions, lossConfig, termsOf } from "./loss-config.js";

const student = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 8,
  maxTarget: 8,
};

const parse = (section: object): ReturnType<typeof distillConfig.safeParse> =>
  distillConfig.safeParse({
    student: { ...student, encoderLayers: 1 },
    steps: 3,
    metrics: ["exactMatch"],
    ...section,
  });

const complaints = (section: object): string[] =>
  parse(section).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("the loss of a recipe", () => {
  test("may be any weighted sum, and needs the teacher only if a term does", () => {
    const onlyLabels = lossConfig.parse({ forwardKl: 0, crossEntropy: 1 });
    expect(termsOf(onlyLabels)).toEqual(["crossEntropy"]);
    expect(requiresDistributions(onlyLabels)).toBe(false);
    const mixed = lossConfig.parse({ reverseKl: 0.5, jensenShannon: 2, crossEntropy: 0, forwardKl: 0 });
    expect(termsOf(mixed)).toEqual(["reverseKl", "jensenShannon"]);
    expect(requiresDistributions(mixed)).toBe(true);
  });

  test.each([
    [
      { loss: { forwardKl: 0, crossEntropy: 0 } },
      "loss.forwardKl: expected a positive weight for at least one term",
    ],
    [{ metrics: undefined }, "metrics: expected at least one metric, such as [exactMatch], got none"],
    [
      { targets: { sequenceKdFraction: 0.6, onPolicyFraction: 0.5 } },
      "targets: the sum of the fractions exceeds 1",
    ],
    [
      { targets: { onPolicyFraction: 0.5 }, loss: { forwardKl: 0, crossEntropy: 1 } },
      "targets.onPolicyFraction: on-policy targets need a loss term",
    ],
  ])("rejects invalid settings: %j", (section, complaint) => {
    expect(complaints(section).join("\n")).toContain(complaint);
  });
});

describe("the student of a recipe", () => {
  test("has the layers of its architecture and no others", () => {
    expect(
      complaints({ student: { ...student, architecture: "decoder-only", encoderLayers: 1 } }),
    ).not.toEqual([]);
    expect(complaints({ student }).join()).toContain("student.encoderLayers");
  });
});
