/** Limits of draft tokens. */
import { SlmError } from "@slm/core";

/** Above this, verifying draft tokens costs more than it can save. */
export const MAX_DRAFT_TOKENS = 64;

/** @throws SlmError USAGE if the number of draft tokens is out of range. */
export function checkPromptLookup(draftTokens: number | undefined): void {
  if (
    draftTokens === undefined ||
    (Number.isInteger(draftTokens) && draftTokens >= 1 && draftTokens <= MAX_DRAFT_TOKENS)
  )
    return;
  throw new SlmError(
    "USAGE",
    `generate: promptLookup must be from 1 to ${MAX_DRAFT_TOKENS} tokens, got ${draftTokens}`,
  );
}
