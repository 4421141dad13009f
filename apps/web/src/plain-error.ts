/** Errors as sentences for readers of the page, without terms such as tokens. */
import { SlmError } from "@slm/core/errors";

/** What went wrong with a text, and what to do. Other errors keep their message. */
export function plainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { tokens, maxSource, symbol } = error instanceof SlmError ? error.context : {};
  if (typeof symbol === "string") return `The model does not know the character "${symbol}". Leave it out.`;
  if (typeof tokens === "number" && typeof maxSource === "number") {
    const times = Number((tokens / maxSource).toPrecision(2));
    return `This text is too long for the model: ${times} times its limit. Shorten it and try again.`;
  }
  return error.message.replace(/^generate: source 1 /u, "This text ");
}
