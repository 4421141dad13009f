import { createTokenizer, trainSymbolTokenizer, type Tokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import type { AnswerToken } from "./api-answer.js";
import { TargetDistributions, type SparseDistribution } from "./target-distributions.js";

/** A token of a server with its text and probability, and its alternatives. */
const token = (text: string, probability: number, others: Record<string, number> = {}): AnswerToken => ({
  text,
  logProbability: Math.log(probability),
  top: Object.entries({ [text]: probability, ...others }).map(([other, value]) => ({
    text: other,
    logProbability: Math.log(value),
  })),
});

/** A vocabulary of these texts; the longest match is the next token. Ids 0 to 3 are special. */
function textTokenizer(texts: readonly string[]): Tokenizer {
  const encodeTarget = (text: string): number[] => {
    const ids: number[] = [];
    for (let at = 0; at < text.length;) {
      const found = texts
        .filter((candidate) => text.startsWith(candidate, at))
        .sort((a, b) => b.length - a.length)[0]!;
      ids.push(4 + texts.indexOf(found));
      at += found.length;
    }
    return ids;
  };
  return {
    ...createTokenizer(trainSymbolTokenizer({ sources: ["a"], targets: ["A"], sourceLowercase: true })),
    vocabularySize: 4 + texts.length,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    encodeTarget,
    decode: (ids) => Array.from(ids, (id) => texts[id - 4] ?? "").join(""),
  };
}

/** Probabilities by text, EOS as `end`. */
function readable(texts: readonly string[], distribution: SparseDistribution | undefined): unknown {
  if (distribution === undefined) return undefined;
  const masses = [...distribution.masses].map(([id, mass]) => [
    id === 2 ? "end" : texts[id - 4],
    Math.round(mass * 1e6) / 1e6,
  ]);
  return { ...(Object.fromEntries(masses) as object), tail: Math.round(distribution.tail * 1e6) / 1e6 };
}

function distributionsOf(
  texts: readonly string[],
  target: string,
  tokens: readonly AnswerToken[],
): unknown[] {
  const tokenizer = textTokenizer(texts);
  return new TargetDistributions(tokenizer, target)
    .of(tokenizer.encodeTarget(target), tokens)
    .map((distribution) => readable(texts, distribution));
}

describe(TargetDistributions, () => {
  test("keeps the probabilities of equal tokens, and the tail", () => {
    const texts = ["a", "b", "c"];
    expect(
      distributionsOf(texts, "ab", [token("a", 0.7, { b: 0.2 }), token("b", 0.6, { c: 0.3, a: 0.1 })]),
    ).toEqual([{ a: 0.7, b: 0.2, tail: 0.1 }, { b: 0.6, c: 0.3, a: 0.1, tail: 0 }, undefined]);
  });

  test("inside a server token keeps the alternatives that start in the same way, and normalizes them", () => {
    const texts = ["ca", "ll", "s", "x"];
    const tokens = [token("call", 0.6, { cas: 0.2, x: 0.1 })];
    expect(distributionsOf(texts, "call", tokens)).toEqual([
      { ca: 0.8, x: 0.1, tail: 0.1 },
      // 0.6 and 0.2 share the mass with the tail of 0.1.
      { ll: 0.666667, s: 0.222222, tail: 0.111111 },
      undefined,
    ]);
  });

  test("assigns the server's own token to the student's next token, which may be longer", () => {
    const texts = ["call", "cal", "l", "c", "a"];
    const tokens = [token("cal", 0.9, { c: 0.1 }), token("l", 0.5, { a: 0.5 })];
    expect(distributionsOf(texts, "call", tokens)).toEqual([{ call: 0.9, c: 0.1, tail: 0 }, undefined]);
  });

  test("predicts the end if the server has a token for it", () => {
    const texts = ["a", "b"];
    expect(distributionsOf(texts, "a", [token("a", 1), token("<|im_end|>", 0.8, { b: 0.2 })])).toEqual([
      { a: 1, tail: 0 },
      { end: 0.8, b: 0.2, tail: 0 },
    ]);
    expect(distributionsOf(texts, "ab", [token("a", 1), token("b", 0.5, { "</s>": 0.25 })])).toEqual([
      { a: 1, tail: 0 },
      { b: 0.5, end: 0.25, tail: 0.25 },
      undefined,
    ]);
  });

  test("ignores white space around the target, and its token predicts the end", () => {
    const texts = ["a", "b", " "];
    const tokens = [token(" a", 0.5, { " b": 0.25 }), token("\n", 0.75, { b: 0.25 })];
    expect(distributionsOf(texts, "a", tokens)).toEqual([
      { a: 0.5, b: 0.25, tail: 0.25 },
      { end: 0.75, b: 0.25, tail: 0 },
    ]);
  });

  test("counts a text as tail if no token matches its start", () => {
    expect(distributionsOf(["a"], "a", [token("a", 0.5, { z: 0.5 })])).toEqual([
      { a: 0.5, tail: 0.5 },
      undefined,
    ]);
  });

  test("reads parts of characters by their bytes, and returns nothing inside a character of the student", () => {
    const [first, second] = [...Buffer.from("é")];
    const part = (byte: number, probability: number): AnswerToken => ({
      text: "\uFFFD",
      bytes: [byte],
      logProbability: Math.log(probability),
      top: [],
    });
    expect(
      distributionsOf(["é", "a"], "éa", [part(first!, 0.5), part(second!, 1), token("a", 0.25)]),
    ).toEqual([{ é: 0.5, tail: 0.5 }, { a: 0.25, tail: 0.75 }, undefined]);
  });

  test("returns nothing for a target with another text", () => {
    expect(distributionsOf(["a", "b"], "ab", [token("a", 1), token("a", 1)])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
