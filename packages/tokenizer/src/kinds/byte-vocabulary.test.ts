import { describe, expect, test } from "vitest";
import { trainBpeTokenizer } from "../learn/bpe-files.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { byteVocabulary } from "./byte-vocabulary.js";

const DIGITS = { type: "Digits", individual_digits: true };
const WORDS = { type: "ByteLevel", add_prefix_space: false };
const digitsAndWords = { type: "Sequence", pretokenizers: [DIGITS, WORDS] };

/** As in a GGUF file. */
const PATTERNS = [
  { type: "Split", pattern: { Regex: String.raw`\p{N}` }, behavior: "Isolated" },
  {
    type: "Split",
    pattern: {
      Regex: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    },
    behavior: "Isolated",
  },
  { ...WORDS, use_regex: false },
];

const trained = (): Promise<TokenizerFiles> =>
  trainBpeTokenizer([{ source: "ab ab ab", target: "ab" }], {
    vocabularySize: 300,
    minCount: 2,
    spaces: "apart",
    sourceLowercase: false,
  });

interface Change {
  readonly tokenizer?: object;
  readonly config?: object;
}

/** Files that split texts as GPT-2 does, with changes. */
async function published({ tokenizer = {}, config = {} }: Change = {}): Promise<TokenizerFiles> {
  const files = await trained();
  return {
    tokenizer: { ...files.tokenizer, pre_tokenizer: WORDS, ...tokenizer },
    config: { ...files.config, ...config },
  };
}

describe(byteVocabulary, () => {
  test.each([
    ["GPT-2's words", { pre_tokenizer: WORDS }, "words"],
    ["digits apart", { pre_tokenizer: digitsAndWords }, "digits"],
    ["patterns", { pre_tokenizer: { type: "Sequence", pretokenizers: PATTERNS } }, "digits"],
  ])("reads the tokenizer of a published model: %s", async (_, tokenizer, split) => {
    const source = { lowercase: false, prefix: ["[bos]"], suffix: ["[eos]"] };
    const read = byteVocabulary(await published({ tokenizer, config: { source } }));
    expect(read).toMatchObject({ split, before: [1], after: [2] });
    expect(read?.tokens[260]).toEqual(Uint8Array.from(Buffer.from("ab")));
    expect(read?.tokens[1]).toEqual(new Uint8Array());
  });

  test.each<[string, Change]>([
    ["a space before texts", { tokenizer: { pre_tokenizer: { type: "ByteLevel" } } }],
    [
      "digits together",
      { tokenizer: { pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Digits" }, WORDS] } } },
    ],
    [
      "another pattern",
      { tokenizer: { pre_tokenizer: { type: "Sequence", pretokenizers: PATTERNS.slice(1).toReversed() } } },
    ],
    ["a normalizer", { tokenizer: { normalizer: { type: "NFC" } } }],
    ["tokens that texts may contain", { tokenizer: { added_tokens: [{ id: 260, content: "ab" }] } }],
    ["a prompt", { config: { source: { lowercase: false, before: "Translate: " } } }],
    ["text after a source", { config: { source: { lowercase: false, after: "\n" } } }],
    ["spaces that decoding removes", { config: { clean_up_tokenization_spaces: true } }],
  ])("does not read %s", async (_, change) => {
    expect(byteVocabulary(await published(change))).toBeUndefined();
  });
});
