import { describe, expect, test } from "vitest";
import { FIXTURE, running, VOCABULARIES, type Over } from "../testing/tokenizer-fixture.test-support.js";
import { addedTokens } from "./added-tokens.js";
import { readVocabulary } from "./vocabulary.js";

const FIRST = 300;

/** The byte vocabulary with these texts as normal tokens from {@link FIRST} on. */
const withTokens = (texts: readonly string[], over: Over = {}): ReturnType<typeof VOCABULARIES.bytes> => {
  const tokens = [...FIXTURE.bytes.tokens];
  tokens.splice(FIRST, texts.length, ...texts);
  return VOCABULARIES.bytes({ tokens, merges: ["Ġ t"], ...over });
};

/** Added tokens beyond the four special tokens that the vocabulary has anyway. */
const added = (texts: readonly string[], over: Over = {}): Record<string, unknown> => {
  const source = withTokens(texts, over);
  const found = addedTokens(source, readVocabulary(source)).filter(({ id }) => id >= FIRST);
  return Object.fromEntries(found.map(({ content, special }) => [content, special]));
};

describe(addedTokens, () => {
  test("control and unknown tokens are special, those of the model's maker are text, others are none", () => {
    const types = [...FIXTURE.bytes.types];
    types.splice(FIRST, 5, 4, 3, 2, 5, 1);
    const texts = ["A0", "A1", "A2", "A3", "A4"];
    expect(added(texts, { token_type: Int32Array.from(types) })).toEqual({ A0: false, A1: true, A2: true });
  });

  test("texts that end a turn are special whatever type the file gives them", () => {
    expect(added(["<|im_end|>", "<｜end▁of▁sentence｜>", "<|im_sart|>"])).toEqual({
      "<|im_end|>": true,
      "<｜end▁of▁sentence｜>": true,
    });
  });

  test("channels stay visible, and an end that others end is text", () => {
    expect(added(["<|channel|>", "<|end|>", "<|return|>"])).toMatchObject({ "<|end|>": true });
    expect(added(["<|channel|>", "<|end|>", "<|return|>", "<|call|>"])).toEqual({
      "<|channel|>": false,
      "<|end|>": false,
      "<|return|>": true,
      "<|call|>": true,
    });
  });

  test("</s> is a plain token next to Gemma 4's turn markers", () => {
    const source = withTokens(["<|tool_response>"]);
    const names = addedTokens(source, readVocabulary(source)).map(({ content }) => content);
    expect(names).not.toContain("</s>");
    expect(names).toContain("<|tool_response>");
  });

  test.each<[string, Over, string, string, string]>([
    [
      "Phi-3's tokens take spaces behind them",
      { "general.name": "My Phi-3 mini" },
      "<|x|>",
      "rstrip",
      "t<|x|> t",
    ],
    [
      "masks of some models take spaces before them",
      { pre: "jina-v2-code" },
      "<mask>",
      "lstrip",
      "t <mask>t",
    ],
    ["those of ModernBERT too", { "general.name": "modern-bert base" }, "[MASK]", "lstrip", "t [MASK]t"],
  ])("%s", (_, over, content, side, text) => {
    const types = Int32Array.from(FIXTURE.bytes.types).fill(4, FIRST, FIRST + 1);
    const ids = (name: Over): number[] =>
      running(withTokens([content], { token_type: types, ...name })).encodeTarget(text);
    const source = withTokens([content], { token_type: types, ...over });
    const token = addedTokens(source, readVocabulary(source)).find((one) => one.content === content);
    expect(token).toMatchObject({ [side]: true });
    expect(ids(over)).toHaveLength(3);
    expect(ids({})).toHaveLength(side === "rstrip" ? 3 : 4);
  });
});
