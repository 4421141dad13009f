import type { TokenizerJson } from "../files/tokenizer-files.js";

export type AddedToken = TokenizerJson["added_tokens"][number];

/** Settings of a token: which white space belongs to it, and whether it is matched in normalized text. */
export interface TokenSettings {
  readonly lstrip?: boolean | undefined;
  readonly rstrip?: boolean | undefined;
  readonly normalized?: boolean | undefined;
}

/** A special token, as in `added_tokens` of a `tokenizer.json`. */
export const specialToken = (id: number, content: string, settings: TokenSettings = {}): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: settings.lstrip ?? false,
  rstrip: settings.rstrip ?? false,
  normalized: settings.normalized ?? false,
  special: true,
});
