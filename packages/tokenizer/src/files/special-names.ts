/** Texts of the special tokens of a tokenizer's files. */
import type { TokenizerFiles } from "./tokenizer-files.js";

/** The configured special tokens and all tokens that are marked as special. */
export function specialNames({ tokenizer, config }: TokenizerFiles): readonly string[] {
  const marked = tokenizer.added_tokens
    .filter((token) => token.special === true)
    .map((token) => token.content);
  return [...new Set([config.pad_token, config.bos_token, config.eos_token, config.unk_token, ...marked])];
}

/** The special tokens that user input must not contain. Masks are allowed: users write them in texts. */
export function rejectedNames(files: TokenizerFiles): readonly string[] {
  const allowed = new Set(files.config.text_tokens);
  return specialNames(files).filter((name) => !allowed.has(name));
}
