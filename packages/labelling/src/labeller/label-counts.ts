/** The outcome of a source: a row, or the reason why there is none. */
import { z } from "zod";

/** Reasons and their descriptions. */
const REASONS = {
  duplicate: "duplicate sources, ignoring case, Unicode form and spacing",
  known: "sources of training rows, which already have a target",
  heldOut: "sources of dev or test rows",
  tooLong: "sources longer than the teacher's limit",
  unencodable: "sources or targets that the tokenizer cannot encode, or that encode to different tokens",
  unanswered: "sources without an answer from the labeller",
  unfinished: "targets that did not end within the teacher's limit",
  unconfident: "targets below the smallest accepted score",
} as const;
export type Reason = keyof typeof REASONS;
const REASON_NAMES = Object.keys(REASONS) as readonly Reason[];

/** Number of sources by outcome. They add up to `sources`. */
export type LabelCounts = Readonly<Record<"sources" | "kept" | Reason, number>>;

const count = z.int().nonnegative();

/** The stored counts of a finished block. */
export const countsSchema: z.ZodType<LabelCounts> = z.strictObject(
  Object.fromEntries(["sources", "kept", ...REASON_NAMES].map((name) => [name, count])) as Record<
    keyof LabelCounts,
    typeof count
  >,
);

/** Mutable counts. */
export class LabelCounter {
  readonly counts: Record<keyof LabelCounts, number>;

  constructor() {
    this.counts = Object.fromEntries(["sources", "kept", ...REASON_NAMES].map((name) => [name, 0])) as Record<
      keyof LabelCounts,
      number
    >;
  }

  /** Counts one source as kept, or by the reason why it was not. */
  add(result: "kept" | Reason): void {
    this.counts.sources += 1;
    this.counts[result] += 1;
  }

  /** Adds the counts of a block. */
  merge(other: LabelCounts): void {
    for (const name of Object.keys(this.counts) as (keyof LabelCounts)[]) this.counts[name] += other[name];
  }
}
