import { describe, expect, test } from "vitest";
import type { LabelAnswer } from "../labeller/labeller.js";
import { chooseAnswer } from "./choose-answer.js";

const said = (changes: Partial<LabelAnswer> = {}): LabelAnswer => ({
  target: "a",
  finished: true,
  ...changes,
});
const rules = { minScore: undefined, needsRoundTrip: false };

describe(chooseAnswer, () => {
  test("keeps an answer at or above the smallest score, and names what is wrong with it otherwise", () => {
    const scored = { ...rules, minScore: -0.1 };
    expect(chooseAnswer(said({ score: -0.1 }), scored)).toEqual({ target: "a", score: -0.1 });
    expect(chooseAnswer(said({ score: -0.11 }), scored)).toBe("unconfident");
    expect(chooseAnswer(said({ score: 0, finished: false }), scored)).toBe("unfinished");
    expect(chooseAnswer(undefined, scored)).toBe("unanswered");
  });

  test("without a score cannot be filtered by it, and says what to set", () => {
    expect(() => chooseAnswer(said(), { ...rules, minScore: -1 })).toThrow(
      "minScore needs log-probabilities",
    );
    expect(chooseAnswer(said(), rules)).toMatchObject({ target: "a" });
  });

  test("needs a target that the tokenizer can encode, to the same tokens where these are stored", () => {
    const stored = { ...rules, needsRoundTrip: true };
    expect(chooseAnswer(said({ target: " " }), rules)).toBe("unencodable");
    expect(chooseAnswer(said({ encoding: "none" }), rules)).toBe("unencodable");
    expect(chooseAnswer(said({ encoding: "other" }), stored)).toBe("unencodable");
    expect(chooseAnswer(said({ encoding: "other" }), rules)).toMatchObject({ target: "a" });
    expect(chooseAnswer(said({ encoding: "same" }), stored)).toMatchObject({ target: "a" });
  });
});
