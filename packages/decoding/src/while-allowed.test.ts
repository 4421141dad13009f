/** Tokens that a decoder picks itself under a constraint, against those that are chosen here, one after the other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "./decode.js";
import { argmax, logSumExp } from "./logits.js";
import { createRandom } from "./random.js";
import type { GreedyStepsOptions, StepDecoder, TopTokens } from "./step-decoder.js";
import type { TokenConstraint } from "./token-constraint.js";

const [EOS, PAD, BOS] = [0, 1, 2];
const VOCABULARY = 7;
const MAX_TOKENS = 8;

/** Unrelated logits after every prefix, the same for the same seed. */
function logitsAfter(seed: number, prefix: readonly number[]): Float32Array {
  const mixed = prefix.reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, seed);
  const { next } = createRandom(mixed);
  return Float32Array.from({ length: VOCABULARY }, () => 8 * next() - 4);
}

/** A decoder that picks tokens itself, and counts what it is asked for. */
class PickingDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize = VOCABULARY;
  picked = 0;
  stepped = 0;
  isPicking = false;
  readonly #seed: number;
  #fed: readonly (readonly number[])[];

  constructor(rows: number, seed: number) {
    this.rows = rows;
    this.#seed = seed;
    this.#fed = Array.from({ length: rows }, () => []);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    expect(this.isPicking).toBe(false);
    this.stepped++;
    return Promise.resolve(Float32Array.from(this.#logitsOf(tokens).flatMap((row) => [...row])));
  }

  async *greedySteps(
    tokens: Int32Array,
    { eos, pad, steps }: GreedyStepsOptions,
  ): AsyncGenerator<TopTokens, undefined> {
    this.isPicking = true;
    try {
      const ended = new Set<number>();
      for (let step = 0, feed = tokens; step < steps && ended.size < this.rows; step++) {
        const logits = await Promise.resolve(this.#logitsOf(feed));
        this.picked++;
        const ids = Int32Array.from(logits, argmax);
        yield {
          ids,
          logProbabilities: Float32Array.from(logits, (row, at) => row[ids[at]!]! - logSumExp(row)),
        };
        ids.forEach((id, row) => id === eos && ended.add(row));
        feed = ids.map((id, row) => (ended.has(row) ? pad : id));
      }
    } finally {
      this.isPicking = false;
    }
  }

  rewind(steps: number): void {
    this.#fed = this.#fed.map((row) => row.slice(0, steps));
  }

  permuteRows(): Promise<void> {
    throw new Error("greedy decoding reorders no rows");
  }

  #logitsOf(tokens: Int32Array): readonly Float32Array[] {
    this.#fed = this.#fed.map((row, at) => [...row, tokens[at]!]);
    return this.#fed.map((row, at) => logitsAfter(this.#seed + at, row));
  }
}

/** No token of `forbidden` at its place of the text; `isQuick`: whether it answers for one token without looking at all of them. */
function forbidding(forbidden: readonly (readonly number[])[], isQuick: boolean, at = 0): TokenConstraint {
  const allows = (id: number): boolean => forbidden[at]?.includes(id) !== true;
  return {
    allows: (id) => isQuick && allows(id),
    mask: (scores) => {
      for (const id of scores.keys()) if (!allows(id)) scores[id] = -Infinity;
    },
    after: () => forbidding(forbidden, isQuick, at + 1),
  };
}

const options = {
  bos: BOS,
  eos: EOS,
  pad: PAD,
  maxTokens: MAX_TOKENS,
  strategy: { kind: "greedy" },
} as const;

test("gives the tokens of choosing each among those that may follow, whichever row leaves the constraint first", async () => {
  const places = fc.array(fc.uniqueArray(fc.nat(VOCABULARY - 1), { maxLength: VOCABULARY - 1 }), {
    maxLength: MAX_TOKENS,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.array(places, { minLength: 1, maxLength: 4 }), async (seed, rows) => {
      const answers = async (isQuick: boolean): Promise<unknown> => {
        const decoded = await decode(new PickingDecoder(rows.length, seed), {
          ...options,
          constraint: (row) => forbidding(rows[row]!, isQuick),
        });
        return decoded.map(({ logProbability, ...told }) => ({ ...told, nats: logProbability.toFixed(4) }));
      };
      expect(await answers(true)).toEqual(await answers(false));
    }),
    { numRuns: 300 },
  );
});

test("costs no step of its own as long as the decoder picks what may follow, and one more for the first that may not", async () => {
  const [free] = await decode(new PickingDecoder(1, 5), options);
  const length = free!.tokens.length;
  expect(length).toBeGreaterThan(3);
  const within = new PickingDecoder(1, 5);
  const open = await decode(within, { ...options, constraint: () => forbidding([], true) });
  expect(open).toEqual([free]);
  expect(within).toMatchObject({ stepped: 0, isPicking: false });

  const leaving = new PickingDecoder(1, 5);
  const third = free!.tokens[2]!;
  const [bound] = await decode(leaving, {
    ...options,
    constraint: () => forbidding([[], [], [third]], true),
  });
  expect(bound!.tokens.slice(0, 2)).toEqual(free!.tokens.slice(0, 2));
  expect(bound!.tokens[2]).not.toBe(third);
  expect(leaving.picked).toBe(3);
  expect(leaving.stepped).toBe(bound!.tokens.length + (bound!.finished ? 1 : 0) - 2);
});
