/** Errors that all kinds of tokenizer share. */
import { SlmError } from "@slm/core";

type Side = "source" | "target";

/** The error for a text that has no tokens. */
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
 * Rejects a text that contains a special token: user input would become the token itself.
 *
 * @throws SlmError DATA_INVALID
 */
export function rejectSpecial(side: Side, text: string, names: readonly string[]): void {
  for (const name of names) {
    const position = text.indexOf(name);
    if (position < 0) continue;
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: the ${side} holds the special token ${name} at ${position + 1}`,
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
    `tokenizer: the ${side} holds half a character (an unpaired surrogate) at ${position + 1}`,
    { context: { side, position: position + 1 } },
  );
}
