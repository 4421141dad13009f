import { encoderDecoderConfig, type EncoderDecoderConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { describe, expect, test } from "vitest";
import { resolveParts } from "./part-training.js";
import { planRun } from "./state-layout.js";

const shape = {
  ...TINY_SHAPE,
  encoderLayers: 1,
  maxSource: 12,
  maxTarget: 5,
  vocabularySize: 12,
};
const reader = encoderDecoderConfig.parse(shape);
const seeing: EncoderDecoderConfig = encoderDecoderConfig.parse({
  ...shape,
  vision: {
    tower: {
      image: { channels: 1, resize: { kind: "fit", height: 2, width: 6 }, mean: [0.5], std: [0.5] },
      patch: { height: 2, width: 2 },
      width: 4,
      layers: 1,
      heads: 1,
      feedForward: 4,
    },
  },
});
const lora = {
  rank: 2,
  alpha: 2,
  targets: ["attention.query", "crossAttention.value"] as [string, ...string[]],
};

describe(resolveParts, () => {
  test("trains everything in full without a word, and by adapters where they are described", () => {
    expect(resolveParts(reader, {}, "t")).toEqual({
      parts: { text: "full", tower: "full", projector: "full" },
      adapters: [],
    });
    const { parts, adapters } = resolveParts(seeing, { lora }, "t");
    expect(parts.text).toBe("lora");
    expect(adapters.some(({ name }) => name.startsWith("vision.tower."))).toBe(true);
  });

  test("adapts only the parts that are to be adapted", () => {
    const { adapters } = resolveParts(seeing, { lora, parts: { tower: "frozen", projector: "full" } }, "t");
    expect(adapters.length).toBeGreaterThan(0);
    expect(adapters.filter(({ name }) => name.startsWith("vision."))).toEqual([]);
  });

  test.each([
    [{ parts: { tower: "lora" } }, "lora is not set"],
    [{ lora, parts: { text: "full", tower: "full", projector: "frozen" } }, "no part is trained by it"],
    [{ parts: { text: "frozen", tower: "frozen", projector: "frozen" } }, "nothing would be trained"],
    [{ lora, parts: { text: "full", projector: "lora" } }, "none of lora.targets is in the projector"],
  ] as const)("refuses what cannot be meant: %j", (settings, reason) => {
    expect(() => resolveParts(seeing, settings, "t")).toThrow(reason);
  });

  test("refuses settings for a part that the model has not", () => {
    expect(() => resolveParts(reader, { parts: { tower: "frozen" } }, "t")).toThrow("the model has no tower");
  });
});

describe(planRun, () => {
  test("keeps every weight of a frozen part out of what is trained, and loses none", () => {
    const { parts, adapters } = resolveParts(seeing, { parts: { tower: "frozen" } }, "t");
    const plan = planRun(seeing, { adapters, auxiliary: [] }, parts);
    const names = (chunks: typeof plan.model): string[] =>
      chunks.flatMap(({ specs }) => specs.map(({ name }) => name));
    expect(names(plan.frozen).length).toBeGreaterThan(0);
    expect(names(plan.frozen).every((name) => name.startsWith("vision.tower."))).toBe(true);
    expect(names(plan.trained).some((name) => name.startsWith("vision.tower."))).toBe(false);
    expect([...names(plan.frozen), ...names(plan.trained)].sort()).toEqual(names(plan.model).sort());
  });
});
