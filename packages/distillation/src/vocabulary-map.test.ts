import { createTokenizer, trainSymbolTokenizer, type Tokenizer } from "@slm/tokenizer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VocabularyMap } from "./vocabulary-map.js";

/** A tokenizer over pieces of text: ids 0 to 3 are marks, greedy from the longest piece. */
function pieceTokenizer(pieces: readonly string[]): Tokenizer {
  const names = ["", "", "", "", ...pieces];
  const encode = (text: string): number[] => {
    const ids: number[] = [];
    for (let at = 0; at < text.length;) {
      const fitting = pieces
        .filter((piece) => text.startsWith(piece, at))
        .sort((a, b) => b.length - a.length);
      ids.push(4 + pieces.indexOf(fitting[0]!));
      at += fitting[0]!.length;
    }
    return ids;
  };
  return {
    vocabularySize: names.length,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    encodeSource: encode,
    encodeTarget: encode,
    decode: (ids) => Array.from(ids, (id) => names[id]!).join(""),
  };
}

const student = pieceTokenizer(["a", "b", "ab", "abc", "d"]);
const id = { eos: 2, a: 4, b: 5, ab: 6, abc: 7, d: 8 };

/** Student probabilities for a teacher that is sure of one token. */
function moved(teacher: Tokenizer, token: number, isFirst = false): number[] {
  const map = new VocabularyMap(teacher, student, "ab");
  const logits = new Float32Array(teacher.vocabularySize).fill(-1e4);
  logits[token] = 0;
  const out = new Float32Array(student.vocabularySize);
  map.project(logits, out, isFirst);
  return Array.from(out, (value) => Math.exp(value));
}

const teacher = pieceTokenizer(["d", "ab", "abd", "a", "b", "x"]);

describe(VocabularyMap, () => {
  test.each([
    ["the token of the same text", 4, id.d],
    ["the token of the same text, wherever it stands", 5, id.ab],
    ["the longest token with which a longer text begins", 6, id.ab],
    ["the EOS token", 2, id.eos],
  ])("moves probability to %s", (_where, token, expected) => {
    const probabilities = moved(teacher, token);
    expect(probabilities[expected]).toBeCloseTo(1, 5);
  });

  test("shares the probability of a text that only begins the student's tokens among these", () => {
    const longer = pieceTokenizer(["dx", "dy", "ab"]);
    const short = pieceTokenizer(["d", "ab"]);
    const map = new VocabularyMap(short, longer, "ab");
    const out = new Float32Array(longer.vocabularySize);
    map.project(Float32Array.of(-1e4, -1e4, -1e4, -1e4, 0, -1e4), out, false);
    expect(Math.exp(out[4]!)).toBeCloseTo(0.5, 5);
    expect(Math.exp(out[5]!)).toBeCloseTo(0.5, 5);
  });

  test("spreads what the student cannot write, and marks, over everything", () => {
    for (const token of [0, 1, 9]) {
      const probabilities = moved(teacher, token);
      for (const value of probabilities) expect(value).toBeCloseTo(1 / student.vocabularySize, 5);
    }
  });

  test("keeps a distribution a distribution, logits of any size", () => {
    const map = new VocabularyMap(teacher, student, "ab");
    const anyLogits = fc.array(fc.double({ min: -300, max: 300, noNaN: true }), {
      minLength: teacher.vocabularySize,
      maxLength: teacher.vocabularySize,
    });
    fc.assert(
      fc.property(anyLogits, fc.boolean(), (logits, isFirst) => {
        const out = new Float32Array(student.vocabularySize);
        map.project(Float32Array.from(logits), out, isFirst);
        expect(out.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
        expect(out.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test("tells the text of a target's first token from the same token's text further on", () => {
    const symbols = (targets: string[]): Tokenizer =>
      createTokenizer(trainSymbolTokenizer({ sources: ["x"], targets, sourceLowercase: false }));
    const [one, other] = [symbols(["K AE T"]), symbols(["T AE K B"])];
    const map = new VocabularyMap(one, other, "K AE T");
    for (const symbol of ["K", "AE", "T"]) {
      for (const isFirst of [true, false]) {
        const logits = new Float32Array(one.vocabularySize).fill(-1e4);
        logits[one.encodeTarget(symbol)[0]!] = 0;
        const out = new Float32Array(other.vocabularySize);
        map.project(logits, out, isFirst);
        expect(out.indexOf(Math.max(...out)), symbol).toBe(other.encodeTarget(symbol)[0]);
      }
    }
  });

  test("is rejected for vocabularies that share no text", () => {
    expect(() => new VocabularyMap(pieceTokenizer(["q"]), pieceTokenizer(["qq"]), "qq")).toThrow(
      "no probability can be moved",
    );
  });
});
