import { describe, expect, test } from "vitest";
import { createHostTensor } from "@slm/runtime";
import { DraftFeedback, type DraftedRuns } from "./draft-feedback.js";
import type { CopySource } from "../drafts/copies.js";

const ints = (...values: readonly number[]) =>
  createHostTensor("int32", [values.length], Int32Array.from(values));
const row = (...values: readonly number[]) =>
  createHostTensor("int32", [1, values.length], Int32Array.from(values));

const EOS = 0;
const RULE: DraftedRuns = { from: { source: [], most: 3 }, tokens: 100, capacity: 100 };

/** A decoder whose next token is a function of the previous tokens. */
function nextOf(fed: readonly number[]): number {
  const [last = 1, before = 1] = fed.slice(-2).reverse();
  const mixed = (7 * last + 3 * before + fed.length) % 23;
  return mixed === 0 && fed.length < 12 ? 5 : mixed;
}

/** The tokens after `given`, with one run per token. */
function plain(given: readonly number[], tokens: number): number[] {
  const fed = [...given];
  while (fed.length - given.length < tokens) {
    fed.push(nextOf(fed));
    if (fed.at(-1) === EOS) break;
  }
  return fed.slice(given.length);
}

/** The same with runs that verify drafts, and the ids that each run was fed. */
function drafted(
  given: readonly number[],
  rule: DraftedRuns,
): { readonly tokens: number[]; readonly lengths: number[]; readonly ends: number[] } {
  const feedback = new DraftFeedback(row(...given), ints(0), { end: EOS, pad: 9, runs: 1000, drafts: rule });
  const cache: number[] = [];
  const found = { tokens: [] as number[], lengths: [] as number[], ends: [] as number[] };
  for (let goesOn = true, run = 0; goesOn; run++) {
    const position = feedback.position[0]!;
    cache.length = position;
    const ids = [...feedback.ids];
    found.lengths.push(ids.length);
    found.ends.push(position + ids.length);
    const picks = ids.map((id) => {
      cache.push(id);
      return nextOf(cache);
    });
    const first = run === 0 ? given.length - 1 : 0;
    let held = first;
    while (held + 1 < ids.length && ids[held + 1] === picks[held]) held++;
    const taken = feedback.take(ints(...picks));
    // Fewer if EOS comes first.
    expect(taken.accepted).toBeLessThanOrEqual(held - first + 1);
    found.tokens.push(...picks.slice(first, first + taken.accepted));
    goesOn = taken.goesOn;
  }
  return found;
}

/** A source to copy from: the answer with a wrong token at regular intervals. */
const nearly = (answer: readonly number[], every: number): CopySource => ({
  source: answer.map((token, at) => (at % every === every - 1 ? 22 : token)),
  most: 3,
});

describe(DraftFeedback, () => {
  test.each([1, 3])(
    "gives the tokens of runs of one token each, where every so many drafts are wrong: %i",
    (every) => {
      let saved = 0;
      for (let seed = 1; seed < 40; seed++) {
        const given = [seed % 22, (seed * 5) % 22];
        const expected = plain(given, RULE.tokens);
        const found = drafted(given, { ...RULE, from: nearly(expected, every) });
        expect(found.tokens).toEqual(expected);
        saved += expected.length - found.lengths.length;
      }
      if (every > 2) expect(saved).toBeGreaterThan(0);
    },
  );

  test("is fed no more tokens than requested, and none beyond the caches", () => {
    const from = nearly(plain([3], 100), 50);
    for (const tokens of [1, 2, 3, 5, 9]) {
      const found = drafted([3], { ...RULE, from, tokens });
      expect(found.tokens).toEqual(plain([3], tokens));
    }
    const capacity = 7;
    const found = drafted([3], { ...RULE, from, tokens: capacity, capacity });
    expect(Math.max(...found.ends)).toBeLessThanOrEqual(capacity);
    expect(found.tokens).toEqual(plain([3], capacity));
  });

  test("begins with the source if answers may, within the caches and the requested tokens", () => {
    const begin = (rule: Partial<DraftedRuns>, fromStart = true): DraftFeedback => {
      const from = { source: [5, 6, 7, 8], most: 3, fromStart };
      return new DraftFeedback(row(4, 3), ints(0), {
        end: EOS,
        pad: 9,
        runs: 9,
        drafts: { ...RULE, from, ...rule },
      });
    };
    expect([...begin({}, false).ids]).toEqual([4, 3]);
    expect([...begin({ tokens: 3 }).ids]).toEqual([4, 3, 5, 6]);
    expect([...begin({ capacity: 3 }).ids]).toEqual([4, 3, 5]);
    const feedback = begin({});
    expect([...feedback.ids]).toEqual([4, 3, 5, 6, 7]);
    expect(feedback.take(ints(1, 5, 6, 2, 9))).toEqual({ accepted: 3, goesOn: true });
    expect([...feedback.position]).toEqual([4]);
  });

  test("feeds at most as many drafts as the rule says, and counts runs", () => {
    const from = { source: [5, 6, 7, 8], most: 1 };
    const drafts = { ...RULE, from };
    const feedback = new DraftFeedback(row(4), ints(0), { end: EOS, pad: 9, runs: 2, drafts });
    expect(feedback.take(ints(5)).goesOn).toBe(true);
    expect([...feedback.ids]).toEqual([5, 6]);
    expect([...feedback.position]).toEqual([1]);
    expect(feedback.take(ints(6, 7))).toEqual({ accepted: 2, goesOn: false });
    expect([...feedback.position]).toEqual([3]);
  });

  test("accepts one row, and picks for each id of a run", () => {
    const rule = { end: EOS, pad: 9, runs: 9, drafts: RULE };
    const two = createHostTensor("int32", [2, 1], Int32Array.of(1, 2));
    expect(() => new DraftFeedback(two, ints(0), rule)).toThrow(/one row, got 2/);
    expect(() => new DraftFeedback(row(1), ints(0), rule).take(ints(1, 2))).toThrow(/must be 1 int32/);
  });
});
