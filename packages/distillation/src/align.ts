/** Aligns two tokenizations of one text: finds the positions at which both have read the same prefix. */
import { prefixTexts, type Decoder } from "@slm/tokenizer";

/** Value of a position without a counterpart. */
export const UNALIGNED = -1;

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
