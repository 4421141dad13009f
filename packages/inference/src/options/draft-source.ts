/** Chooses where the drafts of an answer come from. */
import type { DeviceModel } from "@slm/exported-model";
import type { DraftRules, DraftSource } from "@slm/generation";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";
import { requireVerified, verifiesDrafts } from "./draft-tokens.js";

/** What a model drafts with. */
export interface Drafting {
  readonly model: Pick<DeviceModel, "architecture">;
  readonly draftRules: DraftRules | undefined;
  /** Maximum number of draft tokens per run for prompt lookup; absent: nothing is copied, and rows share runs. */
  readonly promptLookup: number | undefined;
  /** Maximum number of draft tokens per run from the model's draft rules, if nothing is copied; 0: none. */
  readonly byRules: number;
}

/**
 * Gives the drafts for each source of a batch: copied if requested, otherwise from the model's rules; undefined if there are none, or if the options do
 * not allow any.
 *
 * @throws SlmError USAGE for options that prompt lookup does not support
 */
export function draftsFor(
  drafting: Drafting,
  batch: readonly EncodedSource[],
  options: BatchOptions,
  isStatic: boolean,
): (source: readonly number[]) => DraftSource | undefined {
  const { promptLookup } = drafting;
  const isVerified = verifiesDrafts(options, batch, isStatic);
  if (promptLookup !== undefined) requireVerified(isVerified);
  return (source) => (isVerified ? draftSource(drafting, source) : undefined);
}

function draftSource(
  { model, draftRules: rules, promptLookup, byRules }: Drafting,
  source: readonly number[],
): DraftSource | undefined {
  // The answer of a decoder-only model does not begin like its prompt.
  const fromStart = model.architecture === "encoder-decoder";
  if (promptLookup !== undefined) return { source, most: promptLookup, fromStart };
  return rules === undefined || byRules === 0 ? undefined : { rules, source, most: byRules };
}
