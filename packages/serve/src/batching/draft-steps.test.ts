import { draftRulesOf, RulePlaces } from "@slm/generation";
import type { Session } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { draftingFor, stepInputs, usableDrafts } from "./draft-steps.js";
import type { Row } from "./job.js";

const [PAD, BOS, EOS] = [0, 1, 2];
const MODEL = { tokens: { pad: PAD, bos: BOS, eos: EOS, unknown: 3 }, maxTarget: 10 };

const row = (more: Partial<Row>, job: Partial<Row["job"]> = {}): Row => ({
  job: {
    source: [],
    maxTokens: 8,
    onToken: () => true,
    signal: new AbortController().signal,
    resolve: () => undefined,
    reject: () => undefined,
    queuedAt: 0,
    ...job,
  },
  startedAt: 0,
  prompt: [BOS],
  past: 0,
  next: BOS,
  answer: [],
  chosen: 0,
  logProbability: 0,
  firstTokenAt: undefined,
  ...more,
});

/** Drafts of rows by the token that the row is fed. */
const draftsBy = (drafts: Readonly<Record<number, readonly number[]>>) => (of: Row) => drafts[of.next] ?? [];

describe(stepInputs, () => {
  test("feeds each row its token and its drafts, padded to the longest", () => {
    const rows = [row({ past: 3, next: 7 }), undefined, row({ past: 1, next: 5 })];
    const step = stepInputs(rows, MODEL, draftsBy({ 7: [8, 9], 5: [6] }));
    expect([...step.ids]).toEqual([7, 8, 9, PAD, PAD, PAD, 5, 6, PAD]);
    expect([...step.past]).toEqual([3, 0, 1]);
    expect(step).toMatchObject({ tokens: 3, drafts: [[8, 9], [], [6]] });
    expect([...stepInputs(rows, MODEL).ids]).toEqual([7, PAD, 5]);
  });

  test("feeds no row beyond the caches, since every row writes as many positions as the longest", () => {
    const rows = [row({ past: 2, next: 7 }), row({ past: 8, next: 5 })];
    expect(stepInputs(rows, MODEL, draftsBy({ 7: [8, 9, 9] }))).toMatchObject({
      tokens: 2,
      drafts: [[8], []],
    });
    expect(stepInputs([row({ past: 9, next: 5 })], MODEL, draftsBy({ 5: [6] })).tokens).toBe(1);
  });
});

describe(draftingFor, () => {
  const drafting = { session: {} as Session, tokens: 3, rows: 2 };

  test("is for batches that it reads, of rows that take the most probable token", () => {
    const greedy = row({});
    expect(draftingFor(drafting, [greedy, undefined])).toBe(drafting);
    expect(draftingFor(drafting, [greedy, undefined, undefined])).toBeUndefined();
    expect(draftingFor(undefined, [greedy])).toBeUndefined();
    expect(draftingFor(drafting, [greedy, row({}, { choose: () => 4 })])).toBeUndefined();
    expect(draftingFor(drafting, [row({}, { pending: () => undefined })])).toBeUndefined();
    expect(draftingFor(drafting, [row({ prompt: [4, BOS] })])).toBeUndefined();
  });

  test("drafts up to the most tokens of a run and of an answer", () => {
    // Rules of an answer that is always 5, 6, 7, 8.
    const rules = draftRulesOf(
      [5, 6, 7, 8].map((token, at, answer) => {
        let rule = { kind: "after" as const, key: 0, token, chance: 1 };
        new RulePlaces([]).after(answer.slice(0, at), (_, key) => {
          rule = { ...rule, key };
          return true;
        });
        return rule;
      }),
      100,
    );
    const usable = (more: Partial<Row>): readonly number[] =>
      usableDrafts(row(more), drafting, { model: MODEL, draftRules: rules });
    expect(usable({})).toEqual([5, 6, 7]);
    expect(usable({ chosen: 5 })).toEqual([5, 6]);
    expect(usable({ chosen: 7 })).toEqual([]);
    expect(usableDrafts(row({}), drafting, { model: MODEL })).toEqual([]);
  });
});
