import { describe, expect, test } from "vitest";
import { createHostTensor } from "./host-tensor.js";
import { DraftFeedback, type RepeatedDrafts } from "./draft-feedback.js";
import { joinDrafts } from "./prompt-lookup.js";

const ints = (...values: readonly number[]) =>
  createHostTensor("int32", [values.length], Int32Array.from(values));
const row = (...values: readonly number[]) =>
  createHostTensor("int32", [1, values.length], Int32Array.from(values));

const EOS = 0;
const RULE: RepeatedDrafts = { isFetched: true, most: 3, tokens: 100, capacity: 100 };

/** A decoder whose next token is a function of those before, and whose drafts are right up to a place that varies. */
function nextOf(fed: readonly number[]): number {
  const [last = 1, before = 1] = fed.slice(-2).reverse();
  const mixed = (7 * last + 3 * before + fed.length) % 23;
  return mixed === 0 && fed.length < 12 ? 5 : mixed;
}

/** The tokens after `given`, one run of one token each. */
function plain(given: readonly number[], tokens: number): number[] {
  const fed = [...given];
  while (fed.length - given.length < tokens) {
    fed.push(nextOf(fed));
    if (fed.at(-1) === EOS) break;
  }
  return fed.slice(given.length);
}

/** The same by runs that verify drafts, and what each run was fed. */
function drafted(
  given: readonly number[],
  rule: RepeatedDrafts,
  wrongAt: (step: number) => number,
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
    // Drafts of what follows the last pick that holds, as the graph finds it.
    const given = run === 0 ? ids.length - 1 : 0;
    let held = given;
    while (held + 1 < ids.length && ids[held + 1] === picks[held]) held++;
    const after = [...cache.slice(0, position + held + 1), picks[held]!];
    const right = plain(after, 3);
    const drafts = [0, 1, 2].map((at) => (at === wrongAt(run) ? 22 : (right[at] ?? 22)));
    const taken = feedback.take(ints(...picks), ints(...drafts));
    // Fewer where an end comes before.
    expect(taken.accepted).toBeLessThanOrEqual(held - given + 1);
    found.tokens.push(...picks.slice(given, given + taken.accepted));
    goesOn = taken.goesOn;
  }
  return found;
}

describe(DraftFeedback, () => {
  test.each([0, 1, 2, 3])(
    "gives the tokens of runs of one token each, drafts right up to place %i",
    (wrong) => {
      for (let seed = 1; seed < 40; seed++) {
        const given = [seed % 22, (seed * 5) % 22];
        const expected = plain(given, RULE.tokens);
        const found = drafted(given, RULE, (run) => (wrong + run) % 4);
        expect(found.tokens).toEqual(expected);
        expect(found.lengths.length).toBeLessThanOrEqual(expected.length);
      }
    },
  );

  test("is fed no more tokens than are asked for, and none beyond the caches", () => {
    for (const tokens of [1, 2, 3, 5, 9]) {
      const found = drafted([3], { ...RULE, tokens }, () => 3);
      expect(found.tokens).toEqual(plain([3], tokens));
    }
    const capacity = 7;
    const found = drafted([3], { ...RULE, tokens: capacity, capacity }, () => 1);
    expect(Math.max(...found.ends)).toBeLessThanOrEqual(capacity);
    expect(found.tokens).toEqual(plain([3], capacity));
  });

  test("feeds nothing behind a drafted EOS, and ends behind a picked one", () => {
    const feedback = new DraftFeedback(row(4), ints(0), { end: EOS, pad: 9, runs: 9, drafts: RULE });
    expect(feedback.take(ints(5), ints(6, EOS, 7))).toEqual({ accepted: 1, goesOn: true });
    expect([...feedback.ids]).toEqual([5, 6]);
    expect(feedback.take(ints(EOS, 6), ints(1, 1, 1))).toEqual({ accepted: 1, goesOn: false });
  });

  test("begins with the source where answers may, within the caches and the tokens asked for", () => {
    const begin = (rule: Partial<RepeatedDrafts>, fromStart = true): DraftFeedback => {
      const host = { source: [5, 6, 7, 8], most: 3, fromStart };
      return new DraftFeedback(row(4, 3), ints(0), {
        end: EOS,
        pad: 9,
        runs: 9,
        drafts: { ...RULE, isFetched: false, host, ...rule },
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

  test("feeds at most as many of the graph's drafts as the rule says, and counts runs", () => {
    const feedback = new DraftFeedback(row(4), ints(0), {
      end: EOS,
      pad: 9,
      runs: 2,
      drafts: { ...RULE, most: 1 },
    });
    expect(feedback.take(ints(5), ints(6, 7, 8)).goesOn).toBe(true);
    expect([...feedback.ids]).toEqual([5, 6]);
    expect([...feedback.position]).toEqual([1]);
    expect(feedback.take(ints(6, 7), ints(1, 1, 1))).toEqual({ accepted: 2, goesOn: false });
    expect([...feedback.position]).toEqual([3]);
  });

  test("takes what is copied where it goes on further and begins as the graph's drafts do", () => {
    const host = { source: [5, 6, 7, 8, 9], most: 4 };
    const next = (drafts: readonly number[], rule: Partial<RepeatedDrafts> = {}): number[] => {
      const feedback = new DraftFeedback(row(4), ints(0), {
        end: EOS,
        pad: 9,
        runs: 9,
        drafts: { ...RULE, most: 2, host, ...rule },
      });
      feedback.take(ints(5), ints(...drafts));
      return [...feedback.ids];
    };
    expect(next([6, 1])).toEqual([5, 6, 7, 8, 9]);
    expect(next([1, 2])).toEqual([5, 1, 2]);
    expect(next([6, 1], { isFetched: false })).toEqual([5, 6, 7, 8, 9]);
  });

  test("takes one row, and picks for each id of a run", () => {
    const rule = { end: EOS, pad: 9, runs: 9, drafts: RULE };
    const two = createHostTensor("int32", [2, 1], Int32Array.of(1, 2));
    expect(() => new DraftFeedback(two, ints(0), rule)).toThrow(/one row, got 2/);
    expect(() => new DraftFeedback(row(1), ints(0), rule).take(ints(1, 2), ints(3))).toThrow(
      /must be 1 int32/,
    );
  });
});

describe(joinDrafts, () => {
  test("keeps the heads' drafts where what is copied begins otherwise, or is no longer", () => {
    expect(joinDrafts([1, 2], [1, 2, 3])).toEqual([1, 2, 3]);
    expect(joinDrafts([1, 2], [2, 3, 4])).toEqual([1, 2]);
    expect(joinDrafts([1, 2], [1, 3])).toEqual([1, 2]);
    expect(joinDrafts([], [4])).toEqual([4]);
    expect(joinDrafts([1], [])).toEqual([1]);
  });

  test("drafts nothing behind the end", () => {
    expect(joinDrafts([1, 0, 2], [], 0)).toEqual([1]);
    expect(joinDrafts([1, 0, 2], [1, 3, 4, 5], 0)).toEqual([1]);
    expect(joinDrafts([0, 1], [5, 6, 7], 0)).toEqual([]);
    expect(joinDrafts([1], [1, 2, 0, 4], 0)).toEqual([1, 2]);
  });
});
