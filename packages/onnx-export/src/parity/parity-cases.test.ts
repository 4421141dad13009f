import { cacheCapacity, type ModelConfig } from "@slm/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parityInputs, paritySizes, staticParitySizes } from "./parity-cases.js";
import { decoderOnly, encoderDecoder } from "../tiny-checkpoint.test-support.js";

const configs = fc
  .record({
    maxSource: fc.integer({ min: 1, max: 4096 }),
    maxTarget: fc.integer({ min: 1, max: 4096 }),
    vocabularySize: fc.integer({ min: 4, max: 60_000 }),
    isSmall: fc.boolean(),
  })
  .map(({ isSmall, ...sizes }): ModelConfig =>
    isSmall ? { ...decoderOnly, ...sizes } : { ...encoderDecoder, ...sizes },
  );

describe(paritySizes, () => {
  test("stays within the limits of any model", () => {
    fc.assert(
      fc.property(configs, (config) => {
        for (const { batch, source, prefill, target } of paritySizes(config)) {
          expect(batch).toBeGreaterThanOrEqual(1);
          expect(source).toBeLessThanOrEqual(config.maxSource);
          expect(prefill).toBeGreaterThanOrEqual(1);
          expect(prefill).toBeLessThanOrEqual(target);
          expect(target).toBeLessThanOrEqual(cacheCapacity(config));
        }
      }),
    );
  });

  test("covers one source token and many, first runs of one token and several, single steps, batches", () => {
    expect(paritySizes({ ...encoderDecoder, maxSource: 40 })).toEqual([
      { batch: 1, source: 1, prefill: 1, target: 4 },
      { batch: 2, source: 7, prefill: 3, target: 6 },
      { batch: 3, source: 20, prefill: 4, target: 7 },
    ]);
  });
});

describe(parityInputs, () => {
  test("returns valid ids, never EOS for a decoder, with padding exactly after each row's length", () => {
    fc.assert(
      fc.property(configs, (config) => {
        for (const sizes of paritySizes(config)) {
          const { sourceIds, sourceLengths, targetIds } = parityInputs(config, sizes);
          for (const id of [...(sourceIds.data as Int32Array), ...(targetIds.data as Int32Array)]) {
            expect(id >= 0 && id < config.vocabularySize).toBe(true);
          }
          expect([...targetIds.data]).not.toContain(config.tokens.eos);
          (sourceLengths.data as Int32Array).forEach((length, row) => {
            const rest = sourceIds.data.slice(row * sizes.source + length, (row + 1) * sizes.source);
            expect(rest.every((id) => id === config.tokens.pad)).toBe(true);
          });
        }
      }),
      { numRuns: 30 },
    );
  });

  test("creates rows with different lengths and tokens", () => {
    const inputs = parityInputs(encoderDecoder, { batch: 3, source: 6, prefill: 1, target: 4 });
    expect([...inputs.sourceLengths.data]).toEqual([6, 4, 2]);
    const rows = [0, 1, 2].map((row) => inputs.targetIds.data.slice(4 * row, 4 * row + 4).join());
    expect(new Set(rows).size).toBe(3);
  });
});

describe(staticParitySizes, () => {
  test("compares a source that fills the graph, and a short one", () => {
    const graph = { source: 256, window: 32 };
    expect(staticParitySizes(graph, encoderDecoder)).toEqual([
      { batch: 1, source: 256, prefill: 1, target: 5, graph },
      { batch: 1, source: 48, prefill: 1, target: 5, graph },
    ]);
  });

  test("runs one and a half chunks, and then token by token", () => {
    const graph = { source: 8, window: 32, chunk: 6 };
    expect(staticParitySizes(graph, decoderOnly)).toEqual([
      { batch: 1, source: 0, prefill: 1, target: 5, graph },
      { batch: 1, source: 0, prefill: 9, target: 13, graph },
    ]);
  });
});
