import { describe, expect, test } from "vitest";
import { RuleDrafter, RulePlaces } from "./rules.js";
import { openDrafter } from "./draft-source.js";
import { COPIED, draftRulesOf, type DraftRule, type RuleKind } from "./rule-table.js";
import { moveKey, pairKey } from "./source-alignment.js";

const END = 2;

/** Key of the rule of a kind that reads this many tokens at a place, for this source token. */
function keyAt(
  source: readonly number[],
  answer: readonly number[],
  { kind, read, copied }: { readonly kind: RuleKind; readonly read: number; readonly copied?: number },
): number {
  const places = new RulePlaces(source, draftRulesOf(ALIGNMENT, 10_000));
  const keys: number[] = [];
  if (kind === "after")
    places.after(answer, (length, key) => {
      if (length === read) keys.push(key);
      return false;
    });
  const visit = (found: RuleKind, length: number, key: number, token: number): void => {
    if (found === kind && length === read && (copied === undefined || token === copied)) keys.push(key);
  };
  if (kind !== "after") places[kind](answer, visit);
  return keys[0]!;
}

/** Answers advance one source position per token, rarely two; 21 is aligned with 11. */
const ALIGNMENT: readonly DraftRule[] = [
  { kind: "alignment", key: moveKey(1), token: COPIED, chance: 0.8 },
  { kind: "alignment", key: moveKey(2), token: COPIED, chance: 0.1 },
  { kind: "alignment", key: pairKey(11, 21), token: COPIED, chance: 0.9 },
];

const drafter = (source: readonly number[], rules: readonly DraftRule[]): RuleDrafter =>
  new RuleDrafter(draftRulesOf(rules, 10_000), source);

describe(RuleDrafter, () => {
  const source = [10, 11, 12];
  const answer = [20, 11];
  const after = (read: number, token: number, chance: number): DraftRule => ({
    kind: "after",
    key: keyAt(source, answer, { kind: "after", read }),
    token,
    chance,
  });
  const copy: DraftRule = {
    kind: "copy",
    key: keyAt(source, answer, { kind: "copy", read: 2, copied: 12 }),
    token: COPIED,
    chance: 0.8,
  };
  const continued: DraftRule = {
    kind: "continue",
    key: keyAt(source, answer, { kind: "continue", read: 1, copied: 12 }),
    token: COPIED,
    chance: 0.7,
  };
  const given: DraftRule = {
    kind: "given",
    key: keyAt(source, answer, { kind: "given", read: 2 }),
    token: 31,
    chance: 0.6,
  };

  test("proposes nothing if no rule applies", () => {
    expect(drafter(source, []).next(answer).chance).toBe(0);
    expect(drafter(source, [given]).next([21, 11]).chance).toBe(0);
    expect(drafter([], [given]).next([]).chance).toBe(0);
  });

  test("prefers the longest rule about the answer to shorter ones", () => {
    const { token, chance } = drafter(source, [after(1, 30, 0.8), after(2, 31, 0.5)]).next(answer);
    expect([token, chance]).toEqual([31, 0.5019607843137255]);
  });

  test("prefers the most probable rule, about the answer or the source", () => {
    const said = (...rules: DraftRule[]): number => drafter(source, rules).next(answer).token;
    expect(said(after(2, 30, 0.65), given)).toBe(30);
    expect(said(after(2, 30, 0.55), given)).toBe(31);
    expect(said(after(2, 30, 0.65), given, continued)).toBe(12);
    expect(said(after(2, 30, 0.65), given, continued, { ...copy, chance: 0.2 })).toBe(12);
    expect(said(after(2, 30, 0.65), copy)).toBe(12);
  });

  test("ignores the source if the answer alone is certain enough", () => {
    const { token } = drafter(source, [after(2, 30, 0.92), { ...copy, chance: 0.99 }]).next(answer);
    expect(token).toBe(30);
  });

  test("distinguishes the beginning of an answer from its other places", () => {
    const key = keyAt(source, [], { kind: "after", read: 1 });
    const first: DraftRule = { kind: "after", key, token: 7, chance: 0.9 };
    expect(drafter(source, [first]).next([]).token).toBe(7);
    expect(drafter(source, [first]).next([7]).chance).toBe(0);
  });

  test("drafts while all tokens together are probable enough, within the room, and up to the end", () => {
    const chain = (chances: readonly number[], last = 105): DraftRule[] =>
      chances.map((chance, at) => ({
        kind: "after",
        key: keyAt(
          [],
          Array.from({ length: at }, (_, before) => 100 + before),
          {
            kind: "after",
            read: Math.min(at + 1, 5),
          },
        ),
        token: at === chances.length - 1 ? last : 100 + at,
        chance,
      }));
    const first = [100];
    expect(drafter([], chain([1, 0.9, 0.9, 0.9])).draft(first, 9, END)).toEqual([101, 102, 105]);
    expect(drafter([], chain([1, 0.9, 0.9, 0.9])).draft(first, 2, END)).toEqual([101, 102]);
    expect(drafter([], chain([1, 0.9, 0.9, 0.9])).draft(first, -1, END)).toEqual([]);
    expect(drafter([], chain([1, 0.9, 0.6, 0.6])).draft(first, 9, END)).toEqual([101, 102]);
    expect(drafter([], chain([1, 0.9, 0.9, 0.9], END)).draft(first, 9, END)).toEqual([101, 102]);
    // Drafts delay the first token, so the first run drafts only what is nearly certain.
    expect(drafter([], chain([0.9, 0.9, 0.8])).draft([], 9, END)).toEqual([100, 101]);
    expect(drafter([], chain([0.6, 1])).draft([], 9, END)).toEqual([]);
  });

  test("never proposes an id that is not a token: from a corrupt table, or from a source with its own vocabulary", () => {
    const nothing = { ...after(2, COPIED, 0.95) };
    expect(drafter(source, [nothing]).next(answer).chance).toBe(0);
    expect(drafter(source, [nothing, given]).next(answer).token).toBe(31);
    const small = new RuleDrafter(draftRulesOf([copy, given], 12), source);
    expect(small.next(answer).chance).toBe(0);
    expect(small.draft(answer, 5, END)).toEqual([]);
  });

  test("finds every rule of a large table, and no others", () => {
    const rules = Array.from({ length: 5000 }, (_, at): DraftRule => ({
      kind: "after",
      key: keyAt([], [at, at + 1], { kind: "after", read: 2 }),
      token: at,
      chance: 0.6,
    }));
    const found = drafter([], rules);
    for (let at = 0; at < 5000; at++) expect(found.next([at, at + 1]).token).toBe(at);
    for (let at = 5000; at < 10_000; at++) expect(found.next([at, at + 1]).chance).toBe(0);
  });
});

describe(openDrafter, () => {
  test("uses rules if there are some, and copies if requested", () => {
    const rules = draftRulesOf(
      [{ kind: "after", key: keyAt([5], [], { kind: "after", read: 1 }), token: 8, chance: 0.9 }],
      10_000,
    );
    expect(openDrafter({ rules, source: [5], most: 4 }).draft([], 9, END)).toEqual([8]);
    expect(openDrafter({ rules, source: [5], most: 0 }).draft([], 9, END)).toEqual([]);
    expect(openDrafter({ source: [5, 6, 7], most: 1 }).draft([5], 9, END)).toEqual([6]);
    expect(openDrafter({ source: [5, 6, 7], most: 2, fromStart: true }).draft([], 9)).toEqual([5, 6]);
    expect(openDrafter({ source: [5, 6, 7], most: 2 }).draft([], 9)).toEqual([]);
  });
});
