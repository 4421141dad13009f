import { deviceModelSchema } from "@slm/exported-model";
import { encoderDecoderConfig, flopsPerToken, parameterCount } from "@slm/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { usualShape } from "./make-baseline.js";

const TOKENS = { pad: 0, bos: 1, eos: 2, unknown: 3 };

describe(usualShape, () => {
  test("has as many parameters as its model, for any proportions", () => {
    const sizes = fc.record({
      heads: fc.integer({ min: 1, max: 8 }),
      headDim: fc.constantFrom(16, 24, 32, 64),
      encoderLayers: fc.integer({ min: 1, max: 12 }),
      decoderLayers: fc.integer({ min: 1, max: 6 }),
      vocabularySize: fc.integer({ min: 8, max: 4000 }),
    });
    fc.assert(
      fc.property(sizes, ({ heads, headDim, vocabularySize, ...layers }) => {
        const width = heads * headDim;
        const lengths = { maxSource: 20, maxTarget: 30 };
        const config = encoderDecoderConfig.parse({
          width,
          heads,
          kvHeads: heads,
          headDim,
          feedForward: 4 * width,
          bias: false,
          ...layers,
          ...lengths,
          vocabularySize,
          tokens: TOKENS,
        });
        const model = deviceModelSchema.parse({
          schemaVersion: 1,
          name: "m",
          architecture: "encoder-decoder",
          target: "cpu",
          scheme: "cpu",
          graphs: { decoder: { file: "decoder.onnx", bytes: 1, scheme: "float32" } },
          vocabularySize,
          kvHeads: heads,
          headDim,
          decoderLayers: layers.decoderLayers,
          tokens: TOKENS,
          ...lengths,
          parameters: parameterCount(config),
          flops: flopsPerToken(config),
        });
        const shape = usualShape(model);
        expect(shape).toMatchObject({ ...lengths, vocabularySize, headDim, kvHeads: heads });
        expect(parameterCount(shape) / parameterCount(config)).toBeCloseTo(1, 1);
      }),
      {
        numRuns: 100,
        // With the nearest width, even the narrowest feed-forward is too large.
        examples: [[{ heads: 1, headDim: 16, encoderLayers: 12, decoderLayers: 1, vocabularySize: 2022 }]],
      },
    );
  });
});
