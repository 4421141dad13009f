/** What becomes of a source: a row, or the reason why there is none. */
import { z } from "zod";

/** Reasons, each with what it says. */
const REASONS = {
  duplicate: "sources met before, in any case, Unicode form or spacing",
  known: "sources of training rows, which have a target",
  heldOut: "sources of dev or test rows",
  tooLong: "sources beyond the teacher's limit",
  unencodable:
    "sources or targets that the tokenizer cannot encode, or that do not round-trip to the same tokens",
  unanswered: "sources that a labeller gave no answer to",
  unfinished: "targets that did not end within the teacher's limit",
  unconfident: "targets below the smallest accepted score",
} as const;
export type Reason = keyof typeof REASONS;
const REASON_NAMES = Object.keys(REASONS) as readonly Reason[];

/** Counts of the sources by result. They add up to `sources`. */
export type LabelCounts = Readonly<Record<"sources" | "kept" | Reason, number>>;

const count = z.int().nonnegative();

/** The counts of a finished block, as stored. */
export const countsSchema: z.ZodType<LabelCounts> = z.strictObject(
  Object.fromEntries(["sources", "kept", ...REASON_NAMES].map((name) => [name, count])) as Record<
    keyof LabelCounts,
    typeof count
  >,
);

/** Counts that grow. */
export class LabelCounter {
  readonly counts: Record<keyof LabelCounts, number>;

  constructor() {
    this.counts = Object.fromEntries(["sources", "kept", ...REASON_NAMES].map((name) => [name, 0])) as Record<
      keyof LabelCounts,
      number
    >;
  }

  /** Counts one source: kept, or why not. */
  add(result: "kept" | Reason): void {
    this.counts.sources += 1;
    this.counts[result] += 1;
  }

  /** Adds the counts of a block. */
  merge(other: LabelCounts): void {
    for (const name of Object.keys(this.counts) as (keyof LabelCounts)[]) this.counts[name] += other[name];
  }
}
