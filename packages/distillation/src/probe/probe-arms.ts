/** The arms of a probe: the same student with and without each thing that a teacher gives. */
import type { DistillConfig } from "../distill-config.js";
import {
  DISTRIBUTION_TERM_NAMES,
  distributionWeight,
  requiresDistributions,
  type LossConfig,
} from "../loss-config.js";
import type { TargetsConfig } from "../target-schedule.js";

/** What an arm learns from. */
export const ARM_NAMES = ["labels", "teacherLabels", "logits", "both"] as const;
export type ArmName = (typeof ARM_NAMES)[number];

/** In words, for messages and reports. */
export const ARM_TITLES: Readonly<Record<ArmName, string>> = {
  labels: "labels alone",
  teacherLabels: "labels and teacher labels",
  logits: "labels with the teacher's distributions",
  both: "teacher labels and the teacher's distributions",
};

export interface ProbeArm {
  readonly name: ArmName;
  /** Fraction of batches of teacher-labelled rows; 0 in arms without them. */
  readonly fraction: number;
  readonly loss: LossConfig;
  readonly targets: TargetsConfig;
}

/** Which rows have targets of the teacher, and the fraction that draws them. */
export type LabelledFraction = Extract<keyof TargetsConfig, "unlabelledFraction" | "sequenceKdFraction">;

const NO_TEACHER_TARGETS: TargetsConfig = {
  sequenceKdFraction: 0,
  onPolicyFraction: 0,
  unlabelledFraction: 0,
};

/** The recipe's loss without the terms that need a teacher; cross-entropy takes their weight, so the size of the gradient stays. */
function lossOfLabels(loss: LossConfig): LossConfig {
  const without = Object.fromEntries(DISTRIBUTION_TERM_NAMES.map((name) => [name, 0]));
  const taken = loss.crossEntropy + distributionWeight(loss);
  return { ...loss, ...without, hiddenState: 0, crossEntropy: taken, teacherFactor: undefined };
}

/** An arm by name. `labelled` says which fraction draws the teacher's labels. */
export function probeArm(
  { loss, targets }: Pick<DistillConfig, "loss" | "targets">,
  name: ArmName,
  fraction: number,
  labelled: LabelledFraction | undefined,
): ProbeArm {
  const ofTeacher = labelled === undefined ? {} : { [labelled]: fraction };
  const table: { readonly [N in ArmName]: Omit<ProbeArm, "name"> } = {
    labels: { fraction: 0, loss: lossOfLabels(loss), targets: NO_TEACHER_TARGETS },
    teacherLabels: {
      fraction,
      loss: lossOfLabels(loss),
      targets: { ...NO_TEACHER_TARGETS, ...ofTeacher },
    },
    logits: { fraction: 0, loss, targets: NO_TEACHER_TARGETS },
    both: { fraction, loss, targets: { ...targets, ...ofTeacher } },
  };
  return { name, ...table[name] };
}

/** The arms that the recipe and its artifacts allow, in the order of what they need; labels alone come first. */
export function possibleArms(
  settings: Pick<DistillConfig, "loss" | "targets">,
  fraction: number,
  labelled: LabelledFraction | undefined,
): readonly ProbeArm[] {
  const hasLogits = requiresDistributions(settings.loss);
  const possible: Readonly<Record<ArmName, boolean>> = {
    labels: true,
    teacherLabels: labelled !== undefined,
    logits: hasLogits,
    both: hasLogits && labelled !== undefined,
  };
  return ARM_NAMES.filter((name) => possible[name]).map((name) =>
    probeArm(settings, name, fraction, labelled),
  );
}
