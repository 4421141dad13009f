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
const lora = {
  rank: 2,
  alpha: 2,
  targets: ["attention.query", "crossAttention.value"] as [string, ...string[]],
};

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

  test("adapts only the modules that are to be adapted", () => {
    const { adapters } = resolveModules(
      seeing,
      { lora, modules: { tower: "frozen", projector: "full" } },
      "t",
    );
    expect(adapters.length).toBeGreaterThan(0);
    expect(adapters.filter(({ name }) => name.startsWith("vision."))).toEqual([]);
  });

  test.each([
    [{ modules: { tower: "lora" } }, "lora is not set"],
    [{ lora, modules: { text: "full", tower: "full", projector: "frozen" } }, "no module has the value lora"],
    [{ modules: { text: "frozen", tower: "frozen", projector: "frozen" } }, "nothing would be trained"],
    [{ lora, modules: { text: "full", projector: "lora" } }, "none of lora.targets is in the projector"],
  ] as const)("rejects contradictory settings: %j", (settings, reason) => {
    expect(() => resolveModules(seeing, settings, "t")).toThrow(reason);
  });

  test("rejects settings for a module that the model has not", () => {
    expect(() => resolveModules(reader, { modules: { tower: "frozen" } }, "t")).toThrow(
      "the model has no tower",
    );
  });
});
