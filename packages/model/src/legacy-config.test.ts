import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseModelConfig } from "./config.js";
import { withCurrentKeys } from "./legacy-config.js";

const shape = {
  architecture: "decoder-only",
  width: 8,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  feedForward: 16,
  decoderLayers: 2,
  maxSource: 16,
  maxTarget: 16,
  vocabularySize: 10,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

describe(withCurrentKeys, () => {
  test("a configuration of an earlier version is the same model under today's keys", () => {
    const earlier = {
      rotaryBase: 500,
      rotaryFrequencies: [1, 0.5],
      headNorm: true,
      gate: "silu",
      untiedHead: true,
      local: { window: 4, layers: [0], rotaryBase: 300 },
    };
    const today = {
      ropeTheta: 500,
      ropeInverseFrequencies: [1, 0.5],
      qkNorm: true,
      activation: "swiglu",
      tieWordEmbeddings: false,
      slidingWindow: { window: 4, layers: [0], ropeTheta: 300 },
    };
    expect(parseModelConfig({ ...shape, ...earlier }, "config.json")).toEqual(
      parseModelConfig({ ...shape, ...today }, "config.json"),
    );
  });

  test.each([
    [{ gate: "gelu" }, { activation: "geglu" }],
    [{ untiedHead: false }, { tieWordEmbeddings: true }],
  ])("%j becomes %j", (earlier, today) => {
    expect(withCurrentKeys(earlier)).toEqual(today);
  });

  test("values that no version had are left for the schema to reject", () => {
    for (const wrong of [{ gate: "relu" }, { untiedHead: "no" }, { local: 4 }, { headNorm: 1 }])
      expect(() => parseModelConfig({ ...shape, ...wrong }, "config.json")).toThrow("config.json");
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => parseModelConfig(value, "config.json")).toThrow("config.json");
      }),
    );
  });
});
