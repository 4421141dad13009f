/** Maps the vocabulary of a run to the vocabulary of a teacher. */
import { SlmError } from "@slm/core";
import { vocabularySize } from "../library/library-tokenizer.js";
import { tokenTexts } from "../library/token-texts.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { bareTokenizer } from "./bare-tokenizer.js";

interface SharedVocabulary {
  /** The run's vocabulary with the teacher's prompt, end token and chat template. */
  readonly files: TokenizerFiles;
  /** The teacher's id of every token of the run. */
  readonly ids: Int32Array;
}

/**
 * Finds the tokens of a run's tokenizer in a teacher's tokenizer, by their texts.
 *
 * @param own the teacher's tokenizer
 * @param where the teacher, for messages
 * @throws SlmError CONFIG_INVALID for a run with a symbol tokenizer; SHAPE_MISMATCH if the teacher lacks a token.
 */
export function shareVocabulary(own: TokenizerFiles, run: TokenizerFiles, where: string): SharedVocabulary {
  const suggestions = [`tokenizer: { kind: pretrained, model: ${where}, prune: {} }`];
  if (run.config.source.symbols !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      "teacher: vocabulary: run needs a tokenizer of kind pretrained, but this run's tokenizer has only the symbols of its task",
      { suggestions },
    );
  }
  const idOf = new Map(tokenTexts(own).map((text, id) => [text, id]));
  const texts = tokenTexts(run);
  const padding = idOf.get(run.config.pad_token);
  const ids = Int32Array.from({ length: vocabularySize(run) }, (_, id) => {
    const text = texts[id];
    // No text is encoded to an id without a token.
    const found = text === undefined ? padding : idOf.get(text);
    if (found !== undefined) return found;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `teacher: vocabulary: run: token ${id} of this run's tokenizer, ${JSON.stringify(text)}, is not in the vocabulary of ${where}`,
      { context: { token: text, id }, suggestions },
    );
  });
  const { eos_token: eos, source } = own.config;
  const template = own.config["chat_template"];
  const config = {
    ...bareTokenizer(run).config,
    eos_token: eos,
    ...(template === undefined ? {} : { chat_template: template }),
    source,
  };
  return { files: { tokenizer: run.tokenizer, config }, ids };
}
