/** Drafts of one answer: whether there are any, and those that the host makes. */
import type { DeviceModel } from "@slm/exported-model";
import type { CopyRule, HostDrafts } from "@slm/runtime";
import type { Decoding } from "./decoding.js";

/** Whether something drafts: rules or prompt lookup. */
export const makesDrafts = ({ promptLookup, byRules }: Decoding): boolean =>
  byRules > 0 || promptLookup !== undefined;

/** Drafts that the host makes for a source: copied ones where they were asked for, else those of the model's rules. */
export function hostDrafts(
  { loaded, promptLookup, byRules }: Decoding,
  source: readonly number[],
): HostDrafts | undefined {
  if (promptLookup !== undefined) return copyRule(loaded.model, source, promptLookup);
  const { draftRules: rules } = loaded;
  return rules === undefined || byRules === 0 ? undefined : { rules, source, most: byRules };
}

/** How answers of a model are copied from a source. What follows a prompt does not begin like it. */
const copyRule = (
  { architecture }: Pick<DeviceModel, "architecture">,
  source: readonly number[],
  most: number,
): CopyRule => ({ source, most, fromStart: architecture === "encoder-decoder" });
