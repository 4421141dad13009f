import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readDeviceModel } from "@slm/exported-model";
import { readOnnx } from "@slm/onnx";
import { parameterCount, parseModelConfig, type EncoderDecoderConfig } from "@slm/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BASELINE_NAME, baselineConfig, exportRandomBaseline } from "./baseline.js";
import { emptyDirectory, encoderDecoder, tokenizerDirectory } from "./tiny-checkpoint.test-support.js";

const configs = fc
  .record({
    width: fc.integer({ min: 2, max: 32 }).map((blocks) => blocks * 32),
    kvHeads: fc.integer({ min: 1, max: 4 }),
    group: fc.integer({ min: 1, max: 4 }),
    headDim: fc.constantFrom(16, 24, 32, 64),
    feedForward: fc.integer({ min: 2, max: 8 }).map((blocks) => blocks * 128),
    encoderLayers: fc.integer({ min: 1, max: 20 }),
    decoderLayers: fc.integer({ min: 1, max: 10 }),
    vocabularySize: fc.integer({ min: 50, max: 40_000 }),
    bias: fc.boolean(),
  })
  .map(({ group, ...sizes }): EncoderDecoderConfig => ({
    ...encoderDecoder,
    ...sizes,
    heads: group * sizes.kvHeads,
  }));

const ratio = (config: EncoderDecoderConfig): number =>
  parameterCount(baselineConfig(config)) / parameterCount(config);

describe(baselineConfig, () => {
  test("has as many parameters, within 2 %, as any model of useful size", () => {
    fc.assert(
      fc.property(configs, (config) => {
        expect(Math.abs(ratio(config) - 1)).toBeLessThanOrEqual(0.02);
        const { width, heads, kvHeads, headDim } = baselineConfig(config);
        expect({ width, heads, kvHeads, headDim }).toMatchObject({
          width: config.width,
          heads: config.heads,
        });
        expect(parseModelConfig(baselineConfig(config), "test").architecture).toBe("decoder-only");
      }),
    );
  });
});

describe(exportRandomBaseline, () => {
  const root = temporaryFolder();

  test("says in every file that names it that the weights are random, and repeats them for a seed", async () => {
    const directory = await tokenizerDirectory(root);
    const run = async (seed: number): Promise<Uint8Array> => {
      const outputDirectory = await emptyDirectory(root);
      await exportRandomBaseline({
        config: encoderDecoder,
        tokenizerDirectory: directory,
        seed,
        outputDirectory,
        target: "cpu",
      });
      expect((await readDeviceModel(outputDirectory)).name).toBe(BASELINE_NAME);
      const graph = await readOnnx(join(outputDirectory, "decoder.onnx"));
      expect(graph.metadata).toMatchObject({ weights: "random", seed: String(seed), model: BASELINE_NAME });
      return graph.initializers.get("embedding.weight")!.data;
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });
});
