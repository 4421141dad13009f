/** Chooses where the drafts of an answer come from. */
import type { DeviceModel } from "@slm/exported-model";
import type { CopySource } from "@slm/generation";
import type { BatchOptions } from "./batch-options.js";
import type { EncodedSource } from "./batches.js";
import { requireVerified, verifiesDrafts } from "./draft-tokens.js";

/** What a model drafts with. */
export interface Drafting {
  readonly model: Pick<DeviceModel, "architecture">;
  /** Maximum number of draft tokens per run for prompt lookup; absent: nothing is copied, and rows share runs. */
  readonly promptLookup: number | undefined;
}

/**
 * Gives the drafts for each source of a batch: copied if requested, otherwise none.
 *
 * @throws SlmError USAGE for options that prompt lookup does not support
 */
export function draftsFor(
  { model, promptLookup: most }: Drafting,
  batch: readonly EncodedSource[],
  options: BatchOptions,
  isStatic: boolean,
): (source: readonly number[]) => CopySource | undefined {
  if (most === undefined) return () => undefined;
  requireVerified(verifiesDrafts(options, batch, isStatic));
  // The answer of a decoder-only model does not begin like its prompt.
  const fromStart = model.architecture === "encoder-decoder";
  return (source) => ({ source, most, fromStart });
}
