import { describe, expect, test } from "vitest";
import { guessWithoutPicture } from "./guess.js";

const ask = (source: string, target: string, kind = "k") => ({ kind, source, target });

describe(guessWithoutPicture, () => {
  test("finds answers that follow from the words, from the kind, or from their place in the question", () => {
    const words = [ask("a?", "yes"), ask("b?", "no")];
    expect(guessWithoutPicture(words, words)).toEqual([{ kind: "k", rows: 2, right: 1 }]);
    const kind = [ask("a?", "yes"), ask("b?", "yes"), ask("c?", "no")];
    expect(guessWithoutPicture(kind, [ask("d?", "yes"), ask("e?", "no")])[0]!.right).toBe(0.5);
    const place = [ask("red or blue?", "red"), ask("blue or green?", "blue"), ask("green or red?", "green")];
    const unseen = [ask("blue or red?", "blue"), ask("red or green?", "red"), ask("green or blue?", "green")];
    expect(guessWithoutPicture(place, unseen)[0]!.right).toBe(1);
  });
});
