/** The text that each token adds to a target, and the text of each prefix of a target. */
import { SlmError } from "@slm/core";
import type { Tokenizer } from "../interface/tokenizer.js";

/** The part of a tokenizer that decodes tokens to text. */
export type Decoder = Pick<Tokenizer, "decode">;

/**
 * The text of every prefix of a token list: entry i is the text of the first i tokens. A prefix has no text if it ends inside a character, or if
 * the tokenizer decodes it differently on its own.
 */
export function prefixTexts(decoder: Decoder, tokens: ArrayLike<number>): (string | undefined)[] {
  const list = Array.from(tokens);
  const whole = decoder.decode(list);
  return Array.from({ length: list.length + 1 }, (_, count) => {
    const text = count === list.length ? whole : decoder.decode(list.slice(0, count));
    return whole.startsWith(text) ? text : undefined;
  });
}

/** The text that a token adds: at the start of a target, and after other tokens. */
export interface AddedTexts {
  readonly first: readonly string[];
  readonly later: readonly string[];
}

/**
 * The texts of all tokens of a vocabulary, by id. Tokens without text have the empty text.
 *
 * @param example a target from the data. Tokens are decoded after its first token, which yields their text inside a target.
 */
export function addedTexts(tokenizer: Tokenizer, example: string): AddedTexts {
  const anchor = tokenizer.encodeTarget(example)[0]!;
  const before = tokenizer.decode([anchor]);
  const first: string[] = [];
  const later: string[] = [];
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    first.push(textOf(tokenizer, [id]));
    const both = textOf(tokenizer, [anchor, id]);
    later.push(both.startsWith(before) ? both.slice(before.length) : "");
  }
  return { first, later };
}

/** Text of tokens. Ids that the vocabulary does not use have none. */
function textOf(tokenizer: Tokenizer, ids: readonly number[]): string {
  try {
    return tokenizer.decode(ids);
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return "";
    throw error;
  }
}
