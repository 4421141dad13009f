import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder } from "../tiny-checkpoint.test-support.js";
import { staticSizes } from "./buckets.js";

const length = fc.integer({ min: 1, max: 5000 });

describe(staticSizes, () => {
  test("are ascending, each once, and none longer than the model's longest source", () => {
    fc.assert(
      fc.property(fc.array(length, { minLength: 1 }), length, (buckets, maxSource) => {
        const sources = staticSizes({ ...encoderDecoder, maxSource }, { buckets }).map(
          ({ source }) => source,
        );
        expect(sources).toEqual([...new Set(sources)].sort((a, b) => a - b));
        expect(Math.max(...sources)).toBe(Math.min(Math.max(...buckets), maxSource));
      }),
    );
  });

  test("have the model's longest target as window unless a shorter one is asked for", () => {
    expect(staticSizes(encoderDecoder, { buckets: [4] })).toEqual([{ source: 4, window: 10 }]);
    expect(staticSizes(encoderDecoder, { buckets: [4], window: 3 })).toEqual([{ source: 4, window: 3 }]);
  });

  test("have a chunk only for a decoder-only model, at most its window", () => {
    const chunkOf = (config: typeof encoderDecoder | typeof decoderOnly, chunk?: number) =>
      staticSizes(config, { buckets: [4], window: 6, chunk })[0]?.chunk;
    expect([chunkOf(decoderOnly), chunkOf(decoderOnly, 4), chunkOf(encoderDecoder)]).toEqual([
      6,
      4,
      undefined,
    ]);
    for (const config of [decoderOnly, encoderDecoder])
      expect(() => chunkOf(config, 7)).toThrow(withCode("USAGE"));
  });

  test("are multiples of the encoder's pooling group", () => {
    const pooling = { ...encoderDecoder, encoderPooling: { afterLayers: [1, 2], group: 2 } };
    expect(staticSizes(pooling, { buckets: [4, 8] }).map(({ source }) => source)).toEqual([4, 8]);
    expect(() => staticSizes(pooling, { buckets: [6, 8] })).toThrow(
      expect.objectContaining({ code: "OP_UNSUPPORTED", suggestions: ["--buckets 4"] }),
    );
  });

  test("reject a window beyond the model's longest target, and a model without room for two tokens", () => {
    expect(() => staticSizes(encoderDecoder, { buckets: [4], window: 11 })).toThrow(withCode("USAGE"));
    expect(() => staticSizes({ ...encoderDecoder, maxTarget: 1 }, { buckets: [4] })).toThrow(
      withCode("OP_UNSUPPORTED"),
    );
  });
});
