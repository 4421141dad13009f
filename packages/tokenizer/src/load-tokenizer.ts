import { createSymbolTokenizer } from "./kinds/symbol-tokenizer.js";
import type { Tokenizer } from "./interface/tokenizer.js";
import { readTokenizerFiles, type TokenizerFiles } from "./files/tokenizer-files.js";

/**
 * Loads the tokenizer of a directory with `tokenizer.json` and `tokenizer_config.json`.
 *
 * @throws SlmError INPUT_MISSING if a file is missing, DATA_INVALID if it is invalid.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  return openTokenizer(await readTokenizerFiles(directory));
}

/**
 * Like `createTokenizer`, but loads the code for subword vocabularies only if the files need it. That code takes longer to load than a small
 * model takes to answer.
 *
 * @throws SlmError DATA_INVALID if the files are inconsistent.
 */
export async function openTokenizer(files: TokenizerFiles): Promise<Tokenizer> {
  if (files.config.source.symbols !== undefined) return createSymbolTokenizer(files);
  const { createTokenizer } = await import("./create-tokenizer.js");
  return createTokenizer(files);
}
