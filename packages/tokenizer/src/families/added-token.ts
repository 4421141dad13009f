import type { TokenizerJson } from "../tokenizer-files.js";

export type AddedToken = TokenizerJson["added_tokens"][number];

/** A special token as `added_tokens` of a `tokenizer.json` lists it. */
export const specialToken = (
  id: number,
  content: string,
  strips: { readonly lstrip?: boolean | undefined; readonly rstrip?: boolean | undefined } = {},
): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: strips.lstrip ?? false,
  rstrip: strips.rstrip ?? false,
  normalized: false,
  special: true,
});
