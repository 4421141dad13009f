/** Selects which stages to run. */
import { SlmError } from "@slm/core/errors";
import { nearest } from "@slm/core/edit-distance";
import { didYouMean } from "../recipe/layers.js";
import type { Stage, StageInput } from "../stage/stage.js";

export interface SelectionOptions {
  /** Run this stage only. */
  readonly only?: string | undefined;
  /** Run this stage and all later ones. */
  readonly from?: string | undefined;
}

/**
 * The named stages and their inputs, in the order of the table: all required inputs, and the optional inputs in `present`, which have a
 * section in the recipe.
 */
export function requiredStages(
  stages: readonly Stage[],
  named: readonly string[],
  present: readonly string[] = [],
): readonly string[] {
  const needed = new Set<string>();
  const add = (name: string): void => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const input of stageNamed(stages, name).inputs)
      if (input.required || present.includes(input.stage)) add(input.stage);
  };
  named.forEach(add);
  return stages.map(({ name }) => name).filter((name) => needed.has(name));
}

/** The stages to run now. Stages outside the selection must have run before.
 *
 * @param planned stages of the run, in order
 * @throws SlmError USAGE for a stage that does not exist or is not in the recipe
 */
export function selectStages(
  planned: readonly Stage[],
  all: readonly Stage[],
  options: SelectionOptions,
): readonly Stage[] {
  if (options.only !== undefined) {
    const { only } = options;
    requirePlanned(planned, all, "--only", only);
    return planned.filter(({ name }) => name === only);
  }
  if (options.from !== undefined) {
    const { from } = options;
    requirePlanned(planned, all, "--from", from);
    return planned.slice(planned.findIndex(({ name }) => name === from));
  }
  return planned;
}

/** Inputs of a stage in this run: the required ones, and the optional ones that are planned and that its settings need. */
export function inputsOf(stage: Stage, planned: readonly Stage[], settings: unknown): readonly StageInput[] {
  return stage.inputs.filter(
    ({ required, stage: input, isRead }) =>
      required || (planned.some(({ name }) => name === input) && isRead?.(settings) !== false),
  );
}

function requirePlanned(planned: readonly Stage[], all: readonly Stage[], flag: string, name: string): void {
  if (planned.some((stage) => stage.name === name)) return;
  const names = planned.map((stage) => stage.name);
  const exists = all.some((stage) => stage.name === name);
  const problem = exists
    ? `the recipe has no section '${name}'`
    : `no stage '${name}'${didYouMean(nearest(name, names))}`;
  throw new SlmError("USAGE", `${flag} ${name}: ${problem}; stages of this run: ${names.join(", ")}`, {
    context: { stage: name, stages: names },
    suggestions: [`${flag} ${nearest(name, names) ?? names[0] ?? "STAGE"}`],
  });
}

function stageNamed(stages: readonly Stage[], name: string): Stage {
  const stage = stages.find((candidate) => candidate.name === name);
  if (stage === undefined) throw new Error(`the stage table has no '${name}'`);
  return stage;
}
