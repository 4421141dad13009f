/** Turns the tokenizer of a published model into the tokenizer of a run: without prompt, and without tokens added around texts. */
import { SlmError } from "@slm/core";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/**
 * The same vocabulary, without prompt. Settings of the model's own library and the chat template are dropped: they belong to the teacher.
 *
 * @param files as returned by `completeTokenizer`
 * @throws SlmError OP_UNSUPPORTED if sources and targets have separate tokenizers (Marian)
 */
export function bareTokenizer({ tokenizer, config }: TokenizerFiles): TokenizerFiles {
  if (config.sentencepiece?.target !== undefined || config.target?.vocab !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "tokenizer: separate source and target tokenizers are not supported for a run",
      { suggestions: ["set tokenizer.kind to bpe"] },
    );
  }
  const { pad_token, bos_token, eos_token, unk_token, unknown_text } = config;
  const { clean_up_tokenization_spaces = false } = config;
  return {
    tokenizer: { ...tokenizer, truncation: null, padding: null, post_processor: null },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      pad_token,
      bos_token,
      eos_token,
      unk_token,
      clean_up_tokenization_spaces,
      ...(unknown_text === undefined ? {} : { unknown_text }),
      source: { lowercase: false },
    },
  };
}

/** Removes the special tokens that neither the configuration names nor `isNeeded` accepts; texts may then contain them. */
export function withoutSpecial(files: TokenizerFiles, isNeeded: (token: string) => boolean): TokenizerFiles {
  const { tokenizer, config } = files;
  const named = new Set([config.pad_token, config.bos_token, config.eos_token, config.unk_token]);
  const kept = tokenizer.added_tokens.filter(
    ({ special, content }) => special !== true || named.has(content) || isNeeded(content),
  );
  return { config, tokenizer: { ...tokenizer, added_tokens: kept } };
}
