/** Where a batch's targets come from: shares that may change linearly over a run. */
import { z } from "zod";

/** gold: the data's. teacher, student: made by that model for the data's sources. unlabelled: the teacher's, for sources without targets. */
export type TargetOrigin = "teacher" | "student" | "unlabelled" | "gold";

/** Rounding of a sum of shares that a recipe means to be 1. */
export const ROUNDING = 1e-9;

const fraction = z.number().min(0).max(1);

const linear = z
  .strictObject({
    from: fraction.describe("Share of batches until `begin`."),
    to: fraction.describe("Share of batches from `end` on."),
    begin: fraction.default(0).describe("Where the change begins [fraction of the steps]."),
    end: fraction.default(1).describe("Where the change ends [fraction of the steps]."),
  })
  .refine(({ begin, end }) => begin < end, { path: ["end"], message: "must lie after begin" });

const share = (text: string): z.ZodDefault<z.ZodUnion<readonly [typeof fraction, typeof linear]>> =>
  z
    .union([fraction, linear])
    .default(0)
    .describe(`Share of batches ${text}: a number, or {from, to, begin, end} for one that changes linearly.`);

export const targetsConfig = z.strictObject({
  sequenceKdFraction: share("whose targets the teacher generates greedily"),
  onPolicyFraction: share("whose targets the student samples (on-policy)"),
  unlabelledFraction: share("of sources without targets, for which the teacher generates them greedily"),
});

export type TargetsConfig = z.infer<typeof targetsConfig>;

/** Origins in the order in which a draw is compared with the sum of their fractions. */
const ORIGIN_FRACTIONS = [
  ["student", "onPolicyFraction"],
  ["teacher", "sequenceKdFraction"],
  ["unlabelled", "unlabelledFraction"],
] as const satisfies readonly (readonly [TargetOrigin, keyof TargetsConfig])[];
type Share = TargetsConfig["sequenceKdFraction"];

/** A share at a point of the run, `progress` being the fraction of the steps done. */
export function shareAt(share: Share, progress: number): number {
  if (typeof share === "number") return share;
  const { from, to, begin, end } = share;
  const way = Math.min(1, Math.max(0, (progress - begin) / (end - begin)));
  return from + way * (to - from);
}

/** Largest value of a share over the run. */
export const largestShare = (share: Share): number =>
  typeof share === "number" ? share : Math.max(share.from, share.to);

/** The largest sum of all shares over the run. Between the points where a share bends the sum is linear. */
export function fullestShares(targets: TargetsConfig): number {
  const shares = Object.values(targets);
  const bends = shares.flatMap((one) => (typeof one === "number" ? [] : [one.begin, one.end]));
  return Math.max(
    ...[0, 1, ...bends].map((progress) =>
      shares.reduce<number>((sum, one) => sum + shareAt(one, progress), 0),
    ),
  );
}

/** The origin that a uniform number in [0, 1) picks at a point of the run. */
export function targetOrigin(targets: TargetsConfig, progress: number, draw: number): TargetOrigin {
  let passed = 0;
  for (const [origin, fraction] of ORIGIN_FRACTIONS) {
    passed += shareAt(targets[fraction], progress);
    if (draw < passed || passed >= 1 - ROUNDING) return origin;
  }
  return "gold";
}
