import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sfc32 } from "./shuffle.js";
import { LetterChain } from "./letter-chain.js";

describe(LetterChain, () => {
  test("repeats learnt values that share no letters, and recombines values that do", () => {
    const chain = new LetterChain();
    for (const value of ["Springfield", "Springton", "Milton", "Milfield"]) chain.learn(value);
    const random = sfc32(7, 0);
    const drawn = new Set(Array.from({ length: 200 }, () => chain.draw(random)));
    expect(drawn).toContain("Springton");
    expect([...drawn].every((value) => /^(Spring|Mil)(field|ton)$/.test(value ?? ""))).toBe(true);
  });

  test("every sequence of three letters in a drawn value occurs in a learnt one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.integer({ min: 0 }),
        (values, seed) => {
          const chain = new LetterChain();
          for (const value of values) chain.learn(value);
          const drawn = chain.draw(sfc32(seed, 0));
          if (drawn === undefined) return;
          const letters = Array.from(drawn);
          for (let at = 0; at + 3 <= letters.length; at++) {
            const piece = letters.slice(at, at + 3).join("");
            expect(values.some((value) => value.includes(piece))).toBe(true);
          }
        },
      ),
    );
  });
});
