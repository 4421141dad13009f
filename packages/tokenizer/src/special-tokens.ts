/** The special tokens of the vocabularies made here, symbols and byte-level BPE alike. */
import type { TokenizerFiles } from "./tokenizer-files.js";

/** Their order is their id. */
export const SPECIAL_TOKENS = { pad: "[pad]", bos: "[bos]", eos: "[eos]", unknown: "[unk]" } as const;

export const SPECIAL_NAMES = Object.values(SPECIAL_TOKENS);

/** They as `added_tokens` of a `tokenizer.json`: found anywhere in a text, exactly as written. */
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
