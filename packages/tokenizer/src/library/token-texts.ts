/** The text of each token, which files and other vocabularies use as its name. */
import { vocabularySize } from "./library-tokenizer.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/** Texts by id; undefined for ids without a token. If an added token and a vocabulary entry have the same id, the added token wins. */
export function tokenTexts(files: Pick<TokenizerFiles, "tokenizer">): readonly (string | undefined)[] {
  const { tokenizer } = files;
  const { vocab } = tokenizer.model;
  const texts = new Array<string | undefined>(vocabularySize(files)).fill(undefined);
  const entries: Iterable<readonly [string, number]> = Array.isArray(vocab)
    ? (vocab as readonly (readonly [string, number])[]).map(([text], id) => [text, id] as const)
    : Object.entries(vocab);
  for (const [text, id] of entries) texts[id] = text;
  for (const { id, content } of tokenizer.added_tokens) texts[id] = content;
  return texts;
}
