/** Two tokenizations of one text: where both have read the same part of it. */
import type { Tokenizer } from "@slm/tokenizer";

/** What a tokenizer turns tokens back into text with. */
export type Decoder = Pick<Tokenizer, "decode">;

/** Value of a position without counterpart. */
export const UNALIGNED = -1;

/**
 * The text of every beginning of a token list: entry i is that of the first i tokens. Beginnings that end inside a
 * character, or that the tokenizer writes otherwise on their own than in the whole, have no text.
 */
export function prefixTexts(decoder: Decoder, tokens: ArrayLike<number>): (string | undefined)[] {
  const list = Array.from(tokens);
  const whole = decoder.decode(list);
  return Array.from({ length: list.length + 1 }, (_, count) => {
    const text = count === list.length ? whole : decoder.decode(list.slice(0, count));
    return whole.startsWith(text) ? text : undefined;
  });
}

/**
 * For each target position of the student (one per token, and the EOS token's) the position of the teacher that has read
 * exactly the same text and so predicts its continuation, or {@link UNALIGNED}.
 *
 * Position i predicts token i, after the first i tokens. Counterparts rise strictly; of several positions with one text the
 * last is taken on both sides, as it predicts what comes next and not a token without text.
 */
export function alignPositions(
  student: { readonly decoder: Decoder; readonly tokens: ArrayLike<number> },
  teacher: { readonly decoder: Decoder; readonly tokens: ArrayLike<number> },
): Int32Array {
  const byText = new Map<string, number>();
  prefixTexts(teacher.decoder, teacher.tokens).forEach((text, position) => {
    if (text !== undefined) byText.set(text, position);
  });
  const aligned = new Int32Array(student.tokens.length + 1).fill(UNALIGNED);
  const taken = new Map<number, number>();
  prefixTexts(student.decoder, student.tokens).forEach((text, position) => {
    const counterpart = text === undefined ? undefined : byText.get(text);
    if (counterpart === undefined) return;
    const before = taken.get(counterpart);
    if (before !== undefined) aligned[before] = UNALIGNED;
    taken.set(counterpart, position);
    aligned[position] = counterpart;
  });
  return aligned;
}
