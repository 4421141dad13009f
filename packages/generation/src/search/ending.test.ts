import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import { argmax } from "../sampling/logits.js";
import type { DecodeOptions, Strategy } from "./options.js";
import { createRandom } from "../sampling/random.js";
import { PrefixDecoder, randomModel } from "./prefix-decoder.test-support.js";
import { createTokenSelector } from "./token-selector.js";
import type { TokenConstraint } from "../rules/token-constraint.js";

const [EOS, PAD, BOS] = [0, 1, 2];
const VOCABULARY = 7;

const seeded = (rows: number, seed: number): PrefixDecoder =>
  new PrefixDecoder(rows, VOCABULARY, () => randomModel(seed, VOCABULARY));

const STRATEGIES: readonly Strategy[] = [
  { kind: "greedy" },
  { kind: "sample", temperature: 1 },
  { kind: "beam", beams: 3, lengthPenalty: 1 },
];
const rowsOf = (strategy: Strategy): number => (strategy.kind === "beam" ? strategy.beams : 1);
const optionsFor = (strategy: Strategy, seed: number): DecodeOptions => ({
  bos: BOS,
  eos: EOS,
  pad: PAD,
  maxTokens: 6,
  strategy,
  random: createRandom(seed).next,
});

/** Texts that never contain the same id twice in a row. */
function noRepeats(last: number | undefined): TokenConstraint {
  return {
    allows: (id) => id !== last,
    mask: (scores) => {
      if (last !== undefined) scores[last] = -Infinity;
    },
    after: noRepeats,
  };
}

describe.each(STRATEGIES)("with %j", (strategy) => {
  test("a constraint holds in every result", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), async (seed) => {
        const options = { ...optionsFor(strategy, seed), constraint: () => noRepeats(undefined) };
        const [result] = await decode(seeded(rowsOf(strategy), seed), options);
        expect(result!.tokens.every((id, at) => at === 0 || id !== result!.tokens[at - 1])).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test("a bias that forbids the end leaves only the length to end it", async () => {
    const rules = { logitBias: new Map([[EOS, -1e6]]) };
    const [result] = await decode(seeded(rowsOf(strategy), 3), {
      ...optionsFor(strategy, 3),
      rules,
    });
    expect(result).toMatchObject({ reason: "length", finished: false });
    expect(result!.tokens).toHaveLength(6);
  });

  test("ends after the tokens at which the caller stops it", async () => {
    const rules = { logitBias: new Map([[EOS, -1e6]]) };
    const stopsAfter = (_row: number, tokens: readonly number[]): boolean => tokens.length === 2;
    const decoder = seeded(rowsOf(strategy), 5);
    const [result] = await decode(decoder, { ...optionsFor(strategy, 5), rules, stopsAfter });
    expect(result).toMatchObject({ reason: "stop", finished: false });
    expect(result!.tokens).toHaveLength(2);
    expect(decoder.steps).toBe(2);
  });

  test("generates no bigram of the source, but other pairs of its ids", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.array(fc.integer({ min: 3, max: VOCABULARY - 1 }), { minLength: 1, maxLength: 9 }),
        async (seed, source) => {
          const rules = { noSourceNgram: 2 };
          const options = { ...optionsFor(strategy, seed), rules, source: () => source };
          const [result] = await decode(seeded(rowsOf(strategy), seed), options);
          const pairs = source.slice(1).map((id, at) => `${source[at]!} ${id}`);
          const drawn = result!.tokens.slice(1).map((id, at) => `${result!.tokens[at]!} ${id}`);
          expect(drawn.filter((pair) => pairs.includes(pair))).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
    const ruled = async (seed: number, source: readonly number[]): Promise<readonly number[]> => {
      const rules = { noSourceNgram: 2 };
      const options = { ...optionsFor(strategy, seed), maxTokens: 2, rules, source: () => source };
      return (await decode(seeded(rowsOf(strategy), seed), options))[0]!.tokens;
    };
    let seed = 0;
    let drawn: readonly number[] = [];
    while (new Set([BOS, ...drawn]).size < 3) drawn = await ruled(++seed, []);
    expect(await ruled(seed, drawn.toReversed())).toEqual(drawn);
    expect(await ruled(seed, drawn)).not.toEqual(drawn);
  });

  test("makes no step after the deadline, and keeps its results", async () => {
    const rules = { logitBias: new Map([[EOS, -1e6]]) };
    const decoder = seeded(rowsOf(strategy), 5);
    const deadlineMs = performance.now() - 1;
    const [result] = await decode(decoder, { ...optionsFor(strategy, 5), rules, deadlineMs });
    expect(result).toMatchObject({ reason: "time", finished: false });
    expect(result!.tokens).toHaveLength(1);
    expect(decoder.steps).toBe(1);
  });
});

describe(createTokenSelector, () => {
  const logits = Float32Array.of(-1, 2, 1.5, -4);
  const after = (rules: DecodeOptions["rules"], chosen: number, before: number[] = []): number[] => {
    const scores: number[][] = [];
    const first: TokenConstraint = {
      allows: (id) => id === chosen,
      mask: (values) => {
        values.fill(-Infinity);
        values[chosen] = 0;
      },
      after: () => ({
        allows: () => false,
        mask: (values) => {
          scores.push([...values]);
        },
        after: () => first,
      }),
    };
    const choose = createTokenSelector({
      eos: 0,
      constraint: first,
      before,
      rules,
    });
    expect(choose(logits)).toBe(chosen);
    choose(logits);
    return scores[0]!;
  };

  test("a repetition penalty of 2 halves positive and doubles negative scores of ids seen before and in the answer", () => {
    expect(after({ repetitionPenalty: 2 }, 1, [3])).toEqual([-1, 1, 1.5, -8]);
  });

  test("presence and frequency penalties count the answer only", () => {
    expect(after({ presencePenalty: 0.5, frequencyPenalty: 0.25 }, 2, [3])).toEqual([-1, 2, 0.75, -4]);
  });

  test("leaves the logits unchanged", () => {
    const own = logits.slice();
    const choose = createTokenSelector({ eos: 0, rules: { logitBias: new Map([[3, 100]]) } });
    expect(choose(own)).toBe(3);
    expect(own).toEqual(logits);
    expect(argmax(own)).toBe(1);
  });

  test.each([
    ["a bias of no id", { logitBias: new Map([[VOCABULARY, 1]]) }, "logitBias must name ids"],
    ["a bias without end", { logitBias: new Map([[1, -Infinity]]) }, "logitBias of 1"],
    ["no repetition penalty", { repetitionPenalty: 0 }, "repetitionPenalty must be above 0"],
    ["a penalty that is no number", { presencePenalty: Number.NaN }, "presencePenalty must be a number"],
  ])("decoding rejects %s", async (_, rules, message) => {
    const options = { ...optionsFor({ kind: "greedy" }, 1), rules };
    await expect(decode(seeded(1, 1), options)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message) as string,
    });
  });
});
