/** Chooses which layers of a teacher become the layers of a student. */
import { SlmError } from "@slm/core";

export const LAYER_CHOICES = ["every", "first", "ends", "importance"] as const;
type NamedChoice = (typeof LAYER_CHOICES)[number];

/** A rule, or a list of the teacher's layers, counted from 0. */
export type LayerChoice = NamedChoice | readonly number[];

export interface LayerCounts {
  /** Number of student layers. */
  readonly count: number;
  /** Number of teacher layers. */
  readonly of: number;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const RULES: {
  readonly [C in NamedChoice]: (counts: LayerCounts, influence: readonly number[]) => number[];
} = {
  // Source: Shleifer and Rush 2020 (arXiv:2010.13002), section 3: maximally spaced, including the first and the last.
  every: ({ count, of }) =>
    upTo(count).map((index) => (count === 1 ? 0 : Math.round((index * (of - 1)) / (count - 1)))),
  first: ({ count }) => upTo(count),
  ends: ({ count, of }) => upTo(count).map((index) => (index < count / 2 ? index : index + of - count)),
  // Source: Men et al. 2024 (arXiv:2403.03853), section 3: removes the layers with the least block influence.
  importance: ({ count, of }, influence) =>
    upTo(of)
      .sort((a, b) => influence[b]! - influence[a]! || a - b)
      .slice(0, count)
      .sort((a, b) => a - b),
};

/**
 * Returns the teacher's layers that the student starts from, counted from 0, in ascending order.
 *
 * @param influence block influence of each teacher layer, 1 - mean cosine of its input and output states; needed for `importance`.
 * @throws SlmError CONFIG_INVALID if `count` is larger than the number of teacher layers, or if a list is not `count` teacher layers in
 * ascending order.
 */
export function chooseLayers(
  choice: LayerChoice,
  { count, of }: LayerCounts,
  influence: readonly number[] = [],
): readonly number[] {
  if (count > of)
    throw new SlmError(
      "CONFIG_INVALID",
      `a student of ${count} layers cannot be cut from a teacher of ${of}`,
    );
  if (typeof choice !== "string") {
    const isAscending = choice.every((layer, index) => layer > (choice[index - 1] ?? -1) && layer < of);
    if (choice.length === count && isAscending) return choice;
    throw new SlmError(
      "CONFIG_INVALID",
      `expected ${count} of the teacher's layers 0 to ${of - 1} in ascending order, got [${choice.join(", ")}]`,
    );
  }
  if (choice === "importance" && influence.length !== of)
    throw new SlmError("UNEXPECTED", `layers: ${influence.length} influences for ${of} layers`);
  return RULES[choice]({ count, of }, influence);
}
