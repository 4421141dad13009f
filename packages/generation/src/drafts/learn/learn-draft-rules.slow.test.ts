import { createRandom } from "../../sampling/random.js";
import { draftRulesOf, type DraftRule } from "../rule-table.js";
import { RuleDrafter } from "../rules.js";
import { describe, expect, test } from "vitest";
import type { TokenPair } from "./learn-alignment.js";
import { learnDraftRules, surest } from "./learn-draft-rules.js";

const END = 2;
const [PLAY, RATE, BY, OPEN, ARTIST, TITLE, CLOSE] = [10, 11, 12, 20, 21, 22, 23];

/** Requests "PLAY title… BY name…" or "RATE title…", answered by calls that name the action and copy title and name. */
function pairs(count: number, seed: number): TokenPair[] {
  const { next } = createRandom(seed);
  const words = (): number[] =>
    Array.from({ length: 1 + Math.floor(3 * next()) }, () => 100 + Math.floor(400 * next()));
  return Array.from({ length: count }, () => {
    const [title, name] = [words(), words()];
    return next() < 0.5
      ? { source: [PLAY, ...title, BY, ...name], target: [OPEN, 30, TITLE, ...title, ARTIST, ...name, CLOSE] }
      : { source: [RATE, ...title], target: [OPEN, 31, TITLE, ...title, CLOSE] };
  });
}

const ALIGNED: ReadonlySet<string> = new Set(["aligned", "proceed", "alignment"]);

/** Random words and their sounds. A letter's sound depends on the next letter; letter 9 has no sound, and letter 8 has two. */
function spellings(count: number, seed: number): TokenPair[] {
  const { next } = createRandom(seed);
  return Array.from({ length: count }, () => {
    const source = Array.from({ length: 5 + Math.floor(5 * next()) }, () => Math.floor(10 * next()));
    const target = source.flatMap((letter, at) => {
      if (letter === 9) return [];
      const sound = 50 + 2 * letter + (source[at + 1] === 9 ? 1 : 0);
      return letter === 8 ? [sound, 70] : [sound];
    });
    return { source, target };
  });
}

/** Tokens per run and drafts per run, if every run verifies what the rules draft. */
function replay(rules: ReturnType<typeof learnDraftRules>, answers: readonly TokenPair[]) {
  const table = draftRulesOf(rules, 10_000);
  let [runs, tokens, drafts] = [0, 0, 0];
  for (const { source, target } of answers) {
    const drafter = new RuleDrafter(table, source);
    const ids = [...target, END];
    tokens += ids.length;
    for (let at = 0; at < ids.length;) {
      const drafted = drafter.draft(ids.slice(0, at), 12, END);
      const wrong = drafted.findIndex((id, place) => id !== ids[at + place]);
      runs++;
      drafts += drafted.length;
      at += (wrong === -1 ? drafted.length : wrong) + 1;
    }
  }
  return { tokensPerRun: tokens / runs, draftsPerRun: drafts / runs };
}

describe(learnDraftRules, () => {
  const rules = learnDraftRules(pairs(800, 1), END);

  test("saves most runs for unseen requests, with few wrong drafts", () => {
    const { tokensPerRun, draftsPerRun } = replay(rules, pairs(200, 2));
    expect(tokensPerRun).toBeGreaterThan(3);
    expect(draftsPerRun).toBeLessThan(1.4 * (tokensPerRun - 1));
  });

  test("is reproducible from the same pairs, and far smaller than they are", () => {
    expect(learnDraftRules(pairs(800, 1), END)).toEqual(rules);
    const tokens = pairs(800, 1).reduce((sum, { source, target }) => sum + source.length + target.length, 0);
    expect(rules.length).toBeLessThan(tokens / 4);
  });

  test("aligns answers with their sources if each token has a source token, and only then", () => {
    const kinds = (of: readonly DraftRule[]): Set<string> => new Set(of.map(({ kind }) => kind));
    const spelt = learnDraftRules(spellings(2000, 1), END);
    const { tokensPerRun, draftsPerRun } = replay(spelt, spellings(200, 2));
    expect(tokensPerRun).toBeGreaterThan(4);
    expect(draftsPerRun).toBeLessThan(1.4 * (tokensPerRun - 1));
    const unaligned = spelt.filter(({ kind }) => !ALIGNED.has(kind));
    expect(replay(unaligned, spellings(200, 2)).tokensPerRun).toBeLessThan(2);
    expect(kinds(spelt)).toEqual(new Set([...kinds(unaligned), "aligned", "alignment"]));
    // The same letters with the sounds of another word.
    const moved = spellings(2000, 1).map(({ target }, at, all) => ({
      source: all.at(at - 1)!.source,
      target,
    }));
    expect([...kinds(learnDraftRules(moved, END))].filter((kind) => ALIGNED.has(kind))).toEqual([]);
  });

  test("drafts nothing if nothing can be learnt: random answers, or no pair to hold out", () => {
    const { next } = createRandom(3);
    const noise = Array.from({ length: 300 }, () => ({
      source: Array.from({ length: 6 }, () => 100 + Math.floor(5000 * next())),
      target: Array.from({ length: 6 }, () => 6000 + Math.floor(5000 * next())),
    }));
    expect(replay(learnDraftRules(noise.slice(0, 200), END), noise.slice(200)).draftsPerRun).toBe(0);
    expect(replay(learnDraftRules(pairs(9, 1), END), pairs(50, 2)).draftsPerRun).toBe(0);
    expect(learnDraftRules([], END)).toEqual([]);
  });
});

test("of more rules than a file may have, those with the highest chances stay, in their order", () => {
  const rules = [0.4, 0.9, 0.6, 0.9].map((chance, at): DraftRule => ({
    kind: "after",
    key: at + 1,
    token: 0,
    chance,
  }));
  const keys = (most: number): readonly number[] => surest(rules, most).map(({ key }) => key);
  expect([keys(4), keys(3), keys(2), keys(-1)]).toEqual([[1, 2, 3, 4], [2, 3, 4], [2, 4], []]);
});
