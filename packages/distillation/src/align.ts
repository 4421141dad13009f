/** Aligns two tokenizations of one text: finds the positions at which both have read the same prefix. */
import type { Tokenizer } from "@slm/tokenizer";

/** The part of a tokenizer that decodes tokens to text. */
export type Decoder = Pick<Tokenizer, "decode">;

/** Value of a position without a counterpart. */
export const UNALIGNED = -1;

/**
 * The text of every prefix of a token list: entry i is the text of the first i tokens. A prefix has no text if it ends inside a
 * character, or if the tokenizer decodes it differently on its own.
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
 * Position i predicts token i, after the first i tokens. Counterparts increase strictly. Of several positions with the same text the
 * last one is used on both sides, because it predicts the next text, not a token without text.
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
