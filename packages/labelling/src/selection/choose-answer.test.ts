import { describe, expect, test } from "vitest";
import type { LabelAnswer } from "../labeller/labeller.js";
import { chooseAnswer } from "./choose-answer.js";

const answer = (changes: Partial<LabelAnswer> = {}): LabelAnswer => ({
  target: "a",
  finished: true,
  ...changes,
});
const rules = { minScore: undefined, needsRoundTrip: false };

describe(chooseAnswer, () => {
  test("keeps an answer at or above the smallest score, and otherwise returns the reason", () => {
    const scored = { ...rules, minScore: -0.1 };
    expect(chooseAnswer(answer({ score: -0.1 }), scored)).toEqual({ target: "a", score: -0.1 });
    expect(chooseAnswer(answer({ score: -0.11 }), scored)).toBe("unconfident");
    expect(chooseAnswer(answer({ score: 0, finished: false }), scored)).toBe("unfinished");
  });

  test("needs a target that the tokenizer can encode, to the same tokens if these are stored", () => {
    const stored = { ...rules, needsRoundTrip: true };
    expect(chooseAnswer(answer({ target: " " }), rules)).toBe("unencodable");
    expect(chooseAnswer(answer({ encoding: "none" }), rules)).toBe("unencodable");
    expect(chooseAnswer(answer({ encoding: "other" }), stored)).toBe("unencodable");
    expect(chooseAnswer(answer({ encoding: "other" }), rules)).toMatchObject({ target: "a" });
    expect(chooseAnswer(answer({ encoding: "same" }), stored)).toMatchObject({ target: "a" });
  });
});
