/** Drafts that the host makes: by the model's draft rules, or copied. */
import { RuleDrafter } from "./draft-rules.js";
import type { DraftRules } from "./rule-table.js";
import { draftByPromptLookup, firstDrafts, type CopyRule } from "./prompt-lookup.js";

/** A model's draft rules, for one source. */
export interface DraftsByRules {
  readonly source: readonly number[];
  /** Largest number of tokens drafted at once; fewer where they are not probable enough. */
  readonly most: number;
  readonly rules: DraftRules;
}

/** Where the host's drafts come from. */
export type HostDrafts = CopyRule | DraftsByRules;

/** Makes the host's drafts of one answer. */
export class HostDrafter {
  readonly #from: HostDrafts | undefined;
  readonly #byRules: RuleDrafter | undefined;

  /** @param from undefined: nothing is drafted */
  constructor(from: HostDrafts | undefined) {
    this.#from = from;
    this.#byRules =
      from !== undefined && "rules" in from ? new RuleDrafter(from.rules, from.source) : undefined;
  }

  /** What may follow an answer so far, which may be empty: at most `room` tokens. */
  draft(answer: readonly number[], room: number, end?: number): readonly number[] {
    const from = this.#from;
    if (from === undefined) return [];
    const count = Math.min(from.most, room);
    if (this.#byRules !== undefined) return this.#byRules.draft(answer, count, end);
    return answer.length === 0
      ? firstDrafts(from, room)
      : draftByPromptLookup(from.source, answer, Math.max(0, count));
  }
}
