/** Chooses where the drafts of an answer come from. */
import type { DraftSource } from "@slm/generation";
import type { Decoding } from "./decoding.js";

/** Drafts for a source: copied if requested, otherwise from the model's rules; undefined if there are neither. */
export function draftSource(
  { loaded, promptLookup, byRules }: Decoding,
  source: readonly number[],
): DraftSource | undefined {
  // The answer of a decoder-only model does not begin like its prompt.
  const fromStart = loaded.model.architecture === "encoder-decoder";
  if (promptLookup !== undefined) return { source, most: promptLookup, fromStart };
  const { draftRules: rules } = loaded;
  return rules === undefined || byRules === 0 ? undefined : { rules, source, most: byRules };
}
