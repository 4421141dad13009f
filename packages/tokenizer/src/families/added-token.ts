import type { TokenizerJson } from "../files/tokenizer-files.js";

export type AddedToken = TokenizerJson["added_tokens"][number];

/** Settings of a token: white space that belongs to it, and whether it is looked for in normalized text. */
export interface TokenSettings {
  readonly lstrip?: boolean | undefined;
  readonly rstrip?: boolean | undefined;
  readonly normalized?: boolean | undefined;
}

/** A special token as `added_tokens` of a `tokenizer.json` lists it. */
export const specialToken = (id: number, content: string, settings: TokenSettings = {}): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: settings.lstrip ?? false,
  rstrip: settings.rstrip ?? false,
  normalized: settings.normalized ?? false,
  special: true,
});
