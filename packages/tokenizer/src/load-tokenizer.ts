import { createLibraryTokenizer } from "./library/library-tokenizer.js";
import { createPieceTokenizer } from "./kinds/piece-tokenizer.js";
import { createSymbolTokenizer } from "./kinds/symbol-tokenizer.js";
import { withTokensAround } from "./kinds/tokens-around.js";
import type { Tokenizer } from "./interface/tokenizer.js";
import { readTokenizerFiles, type TokenizerFiles } from "./files/tokenizer-files.js";

/**
 * Loads the tokenizer of a directory with `tokenizer.json` and `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING if a file is missing, DATA_INVALID if it is invalid.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  return createTokenizer(await readTokenizerFiles(directory));
}

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
