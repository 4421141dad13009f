import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StopText, textBeforeStop } from "./stop-text.js";

function cut(pieces: readonly string[], stops: readonly string[]): string {
  let text = "";
  const stopText = new StopText(stops, (piece) => (text += piece));
  for (const piece of pieces) stopText.push(piece);
  stopText.end();
  return text;
}

const word = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength, maxLength });

describe(StopText, () => {
  test("returns the text before the sequence that is complete first, however the text is split into pieces", () => {
    fc.assert(
      fc.property(fc.array(word(0, 8)), fc.array(word(1, 4), { maxLength: 3 }), (pieces, stops) => {
        const whole = pieces.join("");
        const ends = stops.flatMap((stop) => {
          const at = whole.indexOf(stop);
          return at === -1 ? [] : [{ at, end: at + stop.length }];
        });
        const first = ends.sort((x, y) => x.end - y.end || x.at - y.at)[0];
        const expected = first === undefined ? whole : whole.slice(0, first.at);
        expect(cut(pieces, stops)).toBe(expected);
        expect(cut(Array.from(whole), stops)).toBe(expected);
        expect(textBeforeStop(whole, stops) ?? whole).toBe(expected);
      }),
    );
  });

  test("never returns text that could still become part of a sequence", () => {
    const given: string[] = [];
    const text = new StopText(["abc"], (piece) => given.push(piece));
    for (const piece of ["x", "a", "b", "a", "b", "c", "d"]) text.push(piece);
    text.end();
    expect(given).toEqual(["x", "ab"]);
  });
});
