/** The Unigram tokenizers of published models, for programs that run them without this package. */
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { jsonUnigram } from "./json-unigram.js";
import { pieceUnigram } from "./piece-unigram.js";
import type { NoUnigram, UnigramVocabulary } from "./unigram-form.js";

/**
 * The vocabulary of files with SentencePiece models or with a Unigram model in `tokenizer.json`; undefined for other files.
 *
 * @throws SlmError DATA_INVALID for files that contradict each other
 */
export const unigramVocabulary = (files: TokenizerFiles): UnigramVocabulary | NoUnigram | undefined =>
  files.config.sentencepiece === undefined ? jsonUnigram(files) : pieceUnigram(files);
