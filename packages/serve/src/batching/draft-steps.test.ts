import { createHostTensor, type Session } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { draftingFor, draftRows, stepInputs, usableDrafts } from "./draft-steps.js";
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
  headDrafts: [],
  answer: [],
  chosen: 0,
  logProbability: 0,
  firstTokenAt: undefined,
  ...more,
});

const headDrafts = (of: Row): readonly number[] => of.headDrafts;

describe(stepInputs, () => {
  test("feeds each row its token and its drafts, padded to the longest", () => {
    const rows = [
      row({ past: 3, next: 7, headDrafts: [8, 9] }),
      undefined,
      row({ past: 1, next: 5, headDrafts: [6] }),
    ];
    const step = stepInputs(rows, MODEL, headDrafts);
    expect([...step.ids]).toEqual([7, 8, 9, PAD, PAD, PAD, 5, 6, PAD]);
    expect([...step.past]).toEqual([3, 0, 1]);
    expect(step).toMatchObject({ tokens: 3, drafts: [[8, 9], [], [6]] });
    expect([...stepInputs(rows, MODEL).ids]).toEqual([7, PAD, 5]);
  });

  test("feeds no row beyond the caches, since every row writes as many positions as the longest", () => {
    const rows = [row({ past: 2, next: 7, headDrafts: [8, 9, 9] }), row({ past: 8, next: 5 })];
    expect(stepInputs(rows, MODEL, headDrafts)).toMatchObject({ tokens: 2, drafts: [[8], []] });
    expect(stepInputs([row({ past: 9, next: 5, headDrafts: [6] })], MODEL, headDrafts).tokens).toBe(1);
  });
});

describe(draftingFor, () => {
  const drafting = { session: {} as Session, tokens: 3, byRules: 0, rows: 2 };

  test("is for batches that it reads, of rows that take the most probable token", () => {
    const greedy = row({});
    expect(draftingFor(drafting, [greedy, undefined])).toBe(drafting);
    expect(draftingFor(drafting, [greedy, undefined, undefined])).toBeUndefined();
    expect(draftingFor(undefined, [greedy])).toBeUndefined();
    expect(draftingFor(drafting, [greedy, row({}, { choose: () => 4 })])).toBeUndefined();
    expect(draftingFor(drafting, [row({}, { pending: () => undefined })])).toBeUndefined();
    expect(draftingFor(drafting, [row({ prompt: [4, BOS] })])).toBeUndefined();
  });

  test("drafts up to the end, and to the most tokens of an answer", () => {
    const usable = (more: Partial<Row>): readonly number[] =>
      usableDrafts(row(more), drafting, { model: MODEL });
    expect(usable({ headDrafts: [5, EOS, 6] })).toEqual([5]);
    expect(usable({ chosen: 5, headDrafts: [5, 6, 7] })).toEqual([5, 6]);
    expect(usable({ chosen: 7, headDrafts: [5, 6, 7] })).toEqual([]);
    expect(usable({ headDrafts: [5, 6, 7, 8] })).toEqual([5, 6, 7]);
  });
});

describe(draftRows, () => {
  test("has the drafts of each row, and rejects others", () => {
    const drafts = createHostTensor("int32", [2, 2], Int32Array.of(4, 5, 6, 7));
    expect(draftRows(drafts, 2)(1)).toEqual([6, 7]);
    expect(() => draftRows(drafts, 3)).toThrow(/int32 \[3, heads\]/);
    expect(() => draftRows(undefined, 1)).toThrow(/got none/);
  });
});
