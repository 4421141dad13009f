import { encoderDecoderConfig, type EncoderDecoderConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { describe, expect, test } from "vitest";
import { resolveModules } from "./module-training.js";

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
const lora = 2;

describe(resolveModules, () => {
  test("trains all modules in full by default, and with adapters if lora is set", () => {
    expect(resolveModules(reader, {}, "t")).toEqual({
      modules: { text: "full", tower: "full", projector: "full" },
      adapters: [],
    });
    const { modules, adapters } = resolveModules(seeing, { lora }, "t");
    expect(modules.text).toBe("lora");
    expect(adapters.some(({ name }) => name.startsWith("vision.tower."))).toBe(true);
  });

  test("gives frozen modules no adapters", () => {
    const { adapters } = resolveModules(seeing, { lora, frozen: ["tower", "projector"] }, "t");
    expect(adapters.length).toBeGreaterThan(0);
    expect(adapters.filter(({ name }) => name.startsWith("vision."))).toEqual([]);
  });

  test.each([
    [seeing, ["text", "tower", "projector"], "nothing would be trained"],
    [reader, ["tower"], "the model has no tower"],
  ] as const)("rejects contradictory settings", (config, frozen, reason) => {
    expect(() => resolveModules(config, { frozen }, "t")).toThrow(reason);
  });
});
