/** Special tokens of the tokenizers that slm trains (symbols and byte-level BPE). */
import type { TokenizerFiles } from "./tokenizer-files.js";

/** Ids follow this order. */
export const SPECIAL_TOKENS = { pad: "[pad]", bos: "[bos]", eos: "[eos]", unknown: "[unk]" } as const;

export const SPECIAL_NAMES = Object.values(SPECIAL_TOKENS);

/** The special tokens as `added_tokens` of a `tokenizer.json`, which are matched literally anywhere in a text. */
export function specialTokenEntries(): TokenizerFiles["tokenizer"]["added_tokens"] {
  return SPECIAL_NAMES.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
}
