import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import type { StepDecoder, TopTokens } from "./step-decoder.js";
import { greedy, LogitsDecoder, LONG, PickingDecoder } from "./picking-decoder.test-support.js";

describe("a decoder that picks tokens itself", () => {
  test("computes no logits, and gives the same answers", async () => {
    const cases = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(),
      maxTokens: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, seed, maxTokens }) => {
        const plain = await decode(new LogitsDecoder(rows, seed), greedy({ maxTokens }));
        const picking = new PickingDecoder(rows, seed);
        const given: [number, number][] = [];
        const onToken = (row: number, token: number): unknown => given.push([row, token]);
        const found = await decode(picking, greedy({ maxTokens, onToken }));
        expect(found).toEqual(
          plain.map((row) => ({ ...row, logProbability: expect.closeTo(row.logProbability, 3) as number })),
        );
        expect(found.map((_, at) => given.flatMap(([row, token]) => (row === at ? [token] : [])))).toEqual(
          found.map(({ tokens }) => tokens),
        );
        expect([picking.steps, picking.isOver]).toEqual([0, true]);
      }),
    );
  });

  test.each([
    ["penalties", 1, { rules: { repetitionPenalty: 2 } }],
    ["several rows that may be stopped", 2, { stopsAfter: () => false }],
  ] as const)("gives logits for %s", async (_, rows, options) => {
    const decoder = new PickingDecoder(rows, 1);
    await decode(decoder, greedy({ ...options, maxTokens: 3 }));
    expect([decoder.steps > 0, decoder.made]).toEqual([true, 0]);
  });

  test("ends with its reader: a row that is stopped, and a time that is up", async () => {
    const stopped = new PickingDecoder(1, LONG);
    const [row] = await decode(stopped, greedy({ stopsAfter: (_, tokens) => tokens.length === 2 }));
    expect(row).toMatchObject({ reason: "stop", tokens: { length: 2 } });
    expect([stopped.made, stopped.isOver]).toEqual([2, true]);
    const late = new PickingDecoder(1, LONG);
    const [first] = await decode(late, greedy({ deadlineMs: performance.now() - 1 }));
    expect(first).toMatchObject({ reason: "time", tokens: { length: 1 } });
    expect([late.made, late.isOver]).toEqual([1, true]);
  });

  test("is interrupted after the token in progress", async () => {
    const stopping = new AbortController();
    const decoder = new PickingDecoder(1, LONG);
    const onToken = (): void => {
      stopping.abort();
    };
    const interrupted = decode(decoder, greedy({ onToken, signal: stopping.signal }));
    await expect(interrupted).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect([decoder.made, decoder.isOver]).toEqual([1, true]);
  });

  test("is rejected if its logits are not numbers, or if it ends too early", async () => {
    const given = (steps: readonly TopTokens[]): StepDecoder =>
      Object.assign(new LogitsDecoder(1, 1), {
        greedySteps: async function* () {
          yield* await Promise.resolve(steps);
        },
      });
    const notNumbers = { ids: Int32Array.of(3), logProbabilities: Float32Array.of(Number.NaN) };
    await expect(decode(given([notNumbers]), greedy({}))).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(decode(given([]), greedy({}))).rejects.toMatchObject({ code: "UNEXPECTED" });
  });
});
