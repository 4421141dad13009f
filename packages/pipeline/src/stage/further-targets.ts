/**
 * Further targets of one student: sections such as `export@npu` and `deploy@npu`, whose stages stand beside those of the first target and
 * share everything before them.
 */
import type { Stage, StageInput } from "./stage.js";

/** Stages that a target has of its own. */
export const TARGET_STAGES = ["export", "quantize", "compile", "bench", "deploy"] as const;

/** Names of sections of further targets: the stage, and a name for the target that its author chooses. */
export const furtherSectionPattern = (stage: string): string => `^${stage}@([a-z][a-z0-9-]*)$`;

/**
 * The stages, followed by those of the further targets that `sections` name, target by target in the order of their names.
 *
 * @example withFurtherTargets(stages, ["export@npu"]) // also export@npu, quantize@npu, compile@npu, bench@npu, deploy@npu
 */
export function withFurtherTargets(stages: readonly Stage[], sections: readonly string[]): readonly Stage[] {
  const patterns = TARGET_STAGES.map((stage) => new RegExp(furtherSectionPattern(stage), "u"));
  const targets = sections.flatMap((section) => patterns.flatMap((one) => one.exec(section)?.[1] ?? []));
  const own = stages.filter(({ name }) => isTargetStage(name));
  return [
    ...stages,
    ...[...new Set(targets)].sort().flatMap((target) => own.map((stage) => stageOf(stage, target))),
  ];
}

/** A stage of a further target: it reads the target's own artifacts where the first target's stage reads its own. */
function stageOf(stage: Stage, target: string): Stage {
  const inputs = stage.inputs.map((input): StageInput =>
    isTargetStage(input.stage) ? { ...input, stage: `${input.stage}@${target}`, as: input.stage } : input,
  );
  return { ...stage, name: `${stage.name}@${target}`, inputs };
}

const isTargetStage = (name: string): boolean => (TARGET_STAGES as readonly string[]).includes(name);
