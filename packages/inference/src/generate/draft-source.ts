/** Where the drafts of an answer come from. */
import type { DraftSource } from "@slm/generation";
import type { Decoding } from "./decoding.js";

/** Drafts for a source: copied ones where they were asked for, else those of the model's rules; undefined where there are neither. */
export function draftSource(
  { loaded, promptLookup, byRules }: Decoding,
  source: readonly number[],
): DraftSource | undefined {
  // What follows the prompt of a decoder-only model does not begin like it.
  const fromStart = loaded.model.architecture === "encoder-decoder";
  if (promptLookup !== undefined) return { source, most: promptLookup, fromStart };
  const { draftRules: rules } = loaded;
  return rules === undefined || byRules === 0 ? undefined : { rules, source, most: byRules };
}
