/** The tokenizer of a published model as the tokenizer of a run: without prompt, and without tokens that it adds to texts itself. */
import { SlmError } from "@slm/core";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/**
 * The same vocabulary with bare sources. Settings of the model's own library and chat template are left out: they belong to the teacher.
 *
 * @param files as `completeTokenizer` gives them
 * @throws SlmError OP_UNSUPPORTED where sources and targets have tokenizers of their own (Marian): a run has one
 */
export function bareTokenizer({ tokenizer, config }: TokenizerFiles): TokenizerFiles {
  if (config.sentencepiece?.target !== undefined || config.target?.vocab !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      "tokenizer: the model has one tokenizer for sources and one for targets, a run has one for both",
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

/** The same files without special tokens that neither the configuration names nor `isNeeded` holds: texts may then spell them. */
export function withoutSpecial(files: TokenizerFiles, isNeeded: (token: string) => boolean): TokenizerFiles {
  const { tokenizer, config } = files;
  const named = new Set([config.pad_token, config.bos_token, config.eos_token, config.unk_token]);
  const kept = tokenizer.added_tokens.filter(
    ({ special, content }) => special !== true || named.has(content) || isNeeded(content),
  );
  return { config, tokenizer: { ...tokenizer, added_tokens: kept } };
}
