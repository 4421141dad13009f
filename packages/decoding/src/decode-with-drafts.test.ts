import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import { argmax, logSumExp } from "./logits.js";
import { decodeWithDrafts } from "./decode-with-drafts.js";
import { createRandom } from "./random.js";
import type { DraftVerifier, StepDecoder, TopTokens } from "./step-decoder.js";

const [EOS, PAD, BOS] = [0, 1, 2];
const VOCABULARY = 6;

/** Logits that depend on the last two tokens, so that answers repeat themselves. */
function logitsAfter(seed: number, fed: readonly number[]): Float32Array {
  const mixed = fed.slice(-2).reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, seed);
  const { next } = createRandom(mixed);
  return Float32Array.from({ length: VOCABULARY }, (_, id) => 4 * next() - (id === EOS ? 1 : 0));
}

function best(logits: Float32Array): { id: number; logProbability: number } {
  const id = argmax(logits);
  return { id, logProbability: logits[id]! - logSumExp(logits) };
}

class Spans implements DraftVerifier {
  readonly vocabularySize = VOCABULARY;
  runs = 0;
  readonly #seed: number;
  #fed: number[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  feed(past: number, tokens: readonly number[]): Promise<TopTokens> {
    this.runs++;
    expect(past).toBeLessThanOrEqual(this.#fed.length);
    this.#fed.length = past;
    const found = tokens.map((token) => {
      this.#fed.push(token);
      return best(logitsAfter(this.#seed, this.#fed));
    });
    return Promise.resolve({
      ids: Int32Array.from(found, ({ id }) => id),
      logProbabilities: Float32Array.from(found, ({ logProbability }) => logProbability),
    });
  }
}

/** One row. */
function steps(seed: number): StepDecoder {
  const fed: number[] = [];
  return {
    rows: 1,
    vocabularySize: VOCABULARY,
    step: (tokens: Int32Array) => {
      fed.push(tokens[0]!);
      return Promise.resolve(logitsAfter(seed, fed));
    },
    permuteRows: () => Promise.resolve(),
  };
}

const greedy = { bos: BOS, eos: EOS, pad: PAD, strategy: { kind: "greedy" } } as const;

describe(decodeWithDrafts, () => {
  test("gives what plain greedy decoding gives, in no more runs", async () => {
    const ids = fc.array(fc.integer({ min: 3, max: VOCABULARY - 1 }), { maxLength: 12 });
    const options = fc.record({
      seed: fc.nat(500),
      draftTokens: fc.integer({ min: 1, max: 8 }),
      maxTokens: fc.integer({ min: 1, max: 30 }),
      stopAt: fc.nat(40),
      copies: fc.boolean(),
    });
    let saved = 0;
    await fc.assert(
      fc.asyncProperty(ids, options, async (source, numbers) => {
        const { seed, draftTokens, maxTokens, stopAt, copies } = numbers;
        const stopsAfter = (_row: number, tokens: readonly number[]): boolean => tokens.length === stopAt;
        const [plain] = await decode(steps(seed), { ...greedy, maxTokens, stopsAfter });
        const spans = new Spans(seed);
        const given: number[] = [];
        const found = await decodeWithDrafts(spans, {
          ...greedy,
          host: copies ? { source, most: draftTokens } : undefined,
          maxTokens,
          stopsAfter,
          onToken: (_, token) => given.push(token),
        });
        expect(found).toEqual({
          ...plain!,
          logProbability: expect.closeTo(plain!.logProbability, 3) as number,
        });
        expect(given).toEqual(found.tokens);
        const plainRuns = plain!.tokens.length + (plain!.finished ? 1 : 0);
        expect(spans.runs).toBeLessThanOrEqual(plainRuns);
        saved += plainRuns - spans.runs;
      }),
    );
    expect(saved).toBeGreaterThan(100);
  });

  test("ends when the time is up, and rejects no draftTokens", async () => {
    const options = { ...greedy, host: { source: [], most: 2 }, maxTokens: 9 };
    const late = await decodeWithDrafts(new Spans(1), {
      ...options,
      deadlineMs: performance.now() - 1,
    });
    expect(late).toMatchObject({ reason: "time" });
    expect(late.tokens).toHaveLength(1);
    await expect(
      decodeWithDrafts(new Spans(1), { ...options, host: { source: [], most: 0 } }),
    ).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});
