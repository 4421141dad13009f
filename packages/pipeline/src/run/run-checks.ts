/** The table of checks. They run before the first stage, or as soon as the artifacts that they read exist. */
import { MANIFEST_FILE, type StageContext } from "@slm/core";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Check, CheckRequest } from "../checks/check.js";
import { checkChips, checkEngine, checkSchemes, checkStudent } from "../checks/check-devices.js";
import { checkDisk } from "../checks/check-disk.js";
import { checkFiles } from "../checks/check-files.js";
import { checkOnPolicy } from "../checks/check-on-policy.js";
import { checkPrecision } from "../checks/check-precision.js";
import { checkLengths, checkMetrics } from "../checks/check-rows.js";
import { checkUnlabelled } from "../checks/check-unlabelled.js";
import { checkVocabulary } from "../checks/check-vocabulary.js";
import type { Stage } from "../stage/stage.js";
import type { PipelineOptions } from "./pipeline-options.js";

const CHECKS: readonly Check[] = [
  { stages: ["teacher", "cache", "distill"], needs: [], check: checkEngine },
  { stages: ["teacher", "distill"], needs: [], check: checkPrecision },
  { stages: ["distill"], needs: [], check: checkDisk },
  { stages: ["teacher", "cache", "distill"], needs: [], check: checkOnPolicy },
  { stages: ["teacher", "cache", "distill"], needs: [], check: checkVocabulary },
  { stages: ["distill", "export"], needs: [], check: checkStudent },
  { stages: ["quantize"], needs: [], check: checkSchemes },
  { stages: ["compile"], needs: [], check: checkChips },
  { stages: ["teacher", "distill", "quantize", "compile"], needs: ["data"], check: checkMetrics },
  { stages: ["teacher", "cache", "distill"], needs: ["data"], check: checkUnlabelled },
  { stages: ["teacher", "distill"], needs: ["data", "tokenizer"], check: checkLengths },
];

/** The checks of one run. Each check runs once. */
export class RunChecks {
  readonly #pending = new Set(CHECKS);
  readonly #options: PipelineOptions;
  readonly #selected: readonly Stage[];
  #areFilesChecked = false;

  /** @param selected stages of this call */
  constructor(options: PipelineOptions, selected: readonly Stage[]) {
    this.#options = options;
    this.#selected = selected;
  }

  /**
   * Runs the checks whose artifacts exist. The first call also checks the files outside the run.
   *
   * @param running stages that will run
   * @param made artifacts that a plan made for itself. Default: the run's artifacts
   * @returns the request that the checks received
   * @throws SlmError of the first check that fails
   */
  async run(
    running: readonly Stage[],
    context: StageContext,
    made?: Readonly<Record<string, string>>,
  ): Promise<CheckRequest> {
    const told = { ...checkRequest(running, this.#selected, this.#options), ...context };
    const request = made === undefined ? told : { ...told, artifacts: made };
    if (!this.#areFilesChecked) await checkFiles(running, request);
    this.#areFilesChecked = true;
    for (const check of this.#pending) {
      if (!check.needs.every((stage) => request.artifacts[stage] !== undefined)) continue;
      this.#pending.delete(check);
      const runs = request.running.map((name) => name.split("@")[0]!);
      if (check.stages.some((stage) => runs.includes(stage))) await check.check(request);
    }
    return request;
  }
}

/** The request for the checks, without progress and signal. @param running stages that will run @param selected stages of this call */
function checkRequest(
  running: readonly Stage[],
  selected: readonly Stage[],
  { recipe, stages, out, workers }: PipelineOptions,
): Omit<CheckRequest, "progress" | "signal"> {
  const sections = Object.entries(recipe.sections).map(([name, { settings }]) => [name, settings] as const);
  const isToDo = new Set(running.map(({ name }) => name));
  const isSelected = new Set(selected.map(({ name }) => name));
  const artifacts = stages
    .filter(
      ({ name }) => !isToDo.has(name) && (isSelected.has(name) || existsSync(join(out, name, MANIFEST_FILE))),
    )
    .map(({ name }) => [name, join(out, name)] as const);
  return {
    sections: Object.fromEntries(sections),
    running: [...isToDo],
    artifacts: Object.fromEntries(artifacts),
    compute: recipe.compute,
    hasWorkers: workers !== undefined,
    out,
  };
}
