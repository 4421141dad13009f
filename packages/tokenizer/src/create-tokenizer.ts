import { createLibraryTokenizer } from "./library/library-tokenizer.js";
import { createPieceTokenizer } from "./kinds/piece-tokenizer.js";
import { createSymbolTokenizer } from "./kinds/symbol-tokenizer.js";
import { withTokensAround } from "./kinds/tokens-around.js";
import type { Tokenizer } from "./interface/tokenizer.js";
import type { TokenizerFiles } from "./files/tokenizer-files.js";

/**
 * Creates the tokenizer of files in memory, such as the result of {@link trainSymbolTokenizer}.
 *
 * @throws SlmError DATA_INVALID if the files are inconsistent.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const { source, sentencepiece } = files.config;
  if (source.symbols !== undefined) return createSymbolTokenizer(files);
  const bare =
    sentencepiece === undefined ? createLibraryTokenizer(files) : createPieceTokenizer(files, sentencepiece);
  return withTokensAround(bare, files);
}
