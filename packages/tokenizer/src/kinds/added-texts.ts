/** The text that each token adds to a target. */
import { SlmError } from "@slm/core";
import type { Tokenizer } from "../interface/tokenizer.js";

/** The text that a token adds: at the start of a target, and after other tokens. */
interface AddedTexts {
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
