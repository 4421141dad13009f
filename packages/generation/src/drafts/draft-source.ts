/** Where drafts of an answer come from, as plain data that can be sent to another thread, and the drafter of each kind. */
import { CopyDrafter, type CopySource } from "./copies.js";
import type { Drafter } from "./drafter.js";
import type { DraftRules } from "./rule-table.js";
import { RuleDrafter } from "./rules.js";

/** A model's draft rules, for one source. */
interface RuleSource {
  readonly source: readonly number[];
  /** Maximum number of tokens drafted at once. Fewer are drafted if their probability is too low. */
  readonly most: number;
  readonly rules: DraftRules;
}

export type DraftSource = CopySource | RuleSource;

/** The drafter of one answer. */
export const openDrafter = (from: DraftSource): Drafter =>
  "rules" in from ? new RuleDrafter(from.rules, from.source, from.most) : new CopyDrafter(from);
