/**
 * Learning-rate groups: parameters with a learning rate that is the schedule's times a factor of the step. The factors are scalar inputs, so one
 * compiled program works for all factors.
 */
import { stepScalars, type StepTiming } from "./optimizer.js";
import type { Chunk, GroupOf } from "../parameters/parameter-layout.js";
import type { TrainingSettings } from "../training-config.js";

/** Groups of parameters. A pure function of its arguments, so that a resumed run has the same rates. */
export interface RateGroups {
  readonly groupOf: GroupOf;
  /** Factor on the learning rate of a group in a step, counted from 1. With 0 the group's weights do not change by a bit. */
  readonly factorAt: (group: string, step: number) => number;
}

/** Scalars that depend on the learning rate, so every group has its own. */
const GROUP_SCALARS = ["rate", "stepSize", "decay"] as const;
type GroupScalar = (typeof GROUP_SCALARS)[number];

/** Program input of a scalar that depends on the learning rate. */
export const rateInput = (scalar: GroupScalar, { group }: Pick<Chunk, "group">): string =>
  group === undefined ? scalar : `${scalar}.${group}`;

/** Inputs of the groups of some chunks, in addition to the scalars of the schedule. */
export const groupInputs = (chunks: readonly Chunk[]): readonly string[] =>
  groupsOf(chunks).flatMap((group) => GROUP_SCALARS.map((scalar) => rateInput(scalar, { group })));

/** All scalars of a step, counted from 1: those of the schedule and of every group. */
export function scalarsAt(
  step: number,
  settings: TrainingSettings,
  chunks: readonly Chunk[],
  groups: RateGroups | undefined,
  timing: Omit<StepTiming, "factor"> = {},
): Readonly<Record<string, number>> {
  const scalars: Record<string, number> = { ...stepScalars(step, settings, timing) };
  if (groups === undefined) return scalars;
  for (const group of groupsOf(chunks)) {
    const own = stepScalars(step, settings, { ...timing, factor: groups.factorAt(group, step) });
    for (const scalar of GROUP_SCALARS) scalars[rateInput(scalar, { group })] = own[scalar];
  }
  return scalars;
}

const groupsOf = (chunks: readonly Chunk[]): readonly string[] => [
  ...new Set(chunks.flatMap(({ group }) => (group === undefined ? [] : [group]))),
];
