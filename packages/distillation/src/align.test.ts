import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { prefixTexts, type Decoder } from "@slm/tokenizer";
import { alignPositions, UNALIGNED } from "./align.js";

/** Pieces of text: token i of a list is the i-th piece. */
const piecewise = (pieces: readonly string[]): Decoder => ({
  decode: (ids) => Array.from(ids, (id) => pieces[id]!).join(""),
});

const all = (pieces: readonly string[]): { decoder: Decoder; tokens: number[] } => ({
  decoder: piecewise(pieces),
  tokens: [...pieces.keys()],
});

/** A text cut at random places; neighbouring cuts may coincide, which makes a piece without text. */
const cutText = (text: string, cuts: readonly number[]): string[] => {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((end, index) => text.slice(places[index], end));
};
const anyCuts = fc.array(fc.nat(100), { maxLength: 8 });
const anyText = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: 12 });

describe(alignPositions, () => {
  test("pairs positions before which both have read exactly the same text, in rising order", () => {
    fc.assert(
      fc.property(anyText, anyCuts, anyCuts, (text, ours, theirs) => {
        const [student, teacher] = [cutText(text, ours), cutText(text, theirs)];
        const aligned = alignPositions(all(student), all(teacher));
        expect(aligned.length).toBe(student.length + 1);
        let last = -1;
        aligned.forEach((j, i) => {
          if (j === UNALIGNED) return;
          expect(student.slice(0, i).join("")).toBe(teacher.slice(0, j).join(""));
          expect(j).toBeGreaterThan(last);
          last = j;
        });
        expect(aligned.at(-1), "the EOS token predict the same").toBe(teacher.length);
      }),
    );
  });

  test("misses no text that both have read", () => {
    fc.assert(
      fc.property(anyText, anyCuts, anyCuts, (text, ours, theirs) => {
        const [student, teacher] = [cutText(text, ours), cutText(text, theirs)];
        const read = (pieces: readonly string[]): Set<string> =>
          new Set(Array.from({ length: pieces.length + 1 }, (_, count) => pieces.slice(0, count).join("")));
        const shared = [...read(student)].filter((prefix) => read(teacher).has(prefix));
        const aligned = alignPositions(all(student), all(teacher)).filter((j) => j !== UNALIGNED);
        expect(aligned.length).toBe(shared.length);
      }),
    );
  });

  test("is one to one for equal tokenizations", () => {
    const pieces = ["a", "bc", "d"];
    expect([...alignPositions(all(pieces), all(pieces))]).toEqual([0, 1, 2, 3]);
  });

  test("of different texts keeps their common beginning only", () => {
    const aligned = alignPositions(all(["ab", "c", "x"]), all(["a", "b", "c", "y"]));
    expect([...aligned]).toEqual([0, 2, 3, UNALIGNED]);
  });
});

describe(prefixTexts, () => {
  test("has none for a beginning that ends inside a character", () => {
    const bytes: Decoder = { decode: (ids) => Buffer.from(Array.from(ids)).toString("utf8") };
    expect(prefixTexts(bytes, [...Buffer.from("aé!")])).toEqual(["", "a", undefined, "aé", "aé!"]);
  });
});
