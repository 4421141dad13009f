import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StopText } from "./stop-text.js";

function cut(pieces: readonly string[], stops: readonly string[]): string {
  let text = "";
  const stopText = new StopText(stops, (piece) => (text += piece));
  for (const piece of pieces) stopText.push(piece);
  stopText.end();
  return text;
}

describe("StopText", () => {
  test("gives the text before the first sequence, however it is cut into pieces", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(letters), stops, (pieces, sequences) => {
        const whole = pieces.join("");
        // The sequence that is complete first ends the text; of those that are, the one that begins first.
        const ends = sequences.flatMap((stop) =>
          whole.includes(stop) ? [whole.indexOf(stop) + stop.length] : [],
        );
        const expected = sequences.length === 0 || ends.length === 0 ? whole : undefined;
        const text = cut(pieces, sequences);
        if (expected !== undefined) expect(text).toBe(expected);
        else {
          expect(whole.startsWith(text)).toBe(true);
          expect(sequences.some((stop) => whole.startsWith(stop, text.length))).toBe(true);
          expect(sequences.every((stop) => !text.includes(stop))).toBe(true);
        }
      }),
    );
  });

  test("gives nothing more once it has stopped", () => {
    expect(cut(["ab", "x", "cd"], ["x"])).toBe("ab");
  });
});
