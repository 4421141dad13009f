/** Errors shared by all kinds of tokenizer. */
import { SlmError } from "@slm/core";

type Side = "source" | "target";

/** The error for a text without tokens. */
export function rejectEmpty(side: Side): SlmError {
  return new SlmError("DATA_INVALID", `tokenizer: the ${side} is empty, expected at least one symbol`, {
    context: { side },
  });
}

/** The error for an id that is not in the vocabulary. */
export function rejectId(id: number, index: number, vocabularySize: number): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `tokenizer: expected ids from 0 to ${vocabularySize - 1}, got ${id} at position ${index + 1}`,
    { context: { id, position: index + 1, vocabularySize } },
  );
}

/**
 * Rejects a text that contains a special token, because the text would become the token.
 *
 * @throws SlmError DATA_INVALID
 */
export function rejectSpecial(side: Side, text: string, names: readonly string[]): void {
  for (const name of names) {
    const position = text.indexOf(name);
    if (position < 0) continue;
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: the ${side} contains the special token ${name} at ${position + 1}`,
      {
        context: { side, token: name, position: position + 1 },
      },
    );
  }
}

/**
 * Rejects an unpaired surrogate: UTF-8 cannot represent it, so decoding would not restore it.
 *
 * @throws SlmError DATA_INVALID
 */
export function rejectSurrogate(side: Side, text: string): void {
  const position = text.search(/\p{Surrogate}/u);
  if (position < 0) return;
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: the ${side} contains half a character (an unpaired surrogate) at ${position + 1}`,
    { context: { side, position: position + 1 } },
  );
}
