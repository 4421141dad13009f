/**
 * Further targets of one student: sections such as `export@npu` and `deploy@npu`. Their stages run in addition to those of the first target
 * and share all earlier stages.
 */
import type { Stage, StageInput } from "./stage.js";

/** Stages that each target has separately. */
export const TARGET_STAGES = ["export", "quantize", "compile", "bench", "deploy"] as const;

/** Names of sections of further targets: the stage, `@`, and a name that the recipe's author chooses. */
export const furtherSectionPattern = (stage: string): string => `^${stage}@([a-z][a-z0-9-]*)$`;

/**
 * The stages, followed by the stages of the further targets in `sections`, sorted by target name.
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

/** A stage of a further target: it reads its own target's artifacts in place of the first target's. */
function stageOf(stage: Stage, target: string): Stage {
  const inputs = stage.inputs.map((input): StageInput =>
    isTargetStage(input.stage) ? { ...input, stage: `${input.stage}@${target}`, as: input.stage } : input,
  );
  return { ...stage, name: `${stage.name}@${target}`, inputs };
}

const isTargetStage = (name: string): boolean => (TARGET_STAGES as readonly string[]).includes(name);
