/** The table of checks. They run before the first stage, or as soon as the artifacts that they read exist. */
import { MANIFEST_FILE, type StageContext } from "@slm/core";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Check, CheckRequest } from "../checks/check.js";
import { checkFiles } from "../checks/check-files.js";
import type { Stage } from "../stage/stage.js";
import type { PipelineOptions } from "./pipeline-options.js";

/** Loaded only if a stage has to run, so that a run that skips every stage stays fast. */
const devices = async (name: DeviceCheck, request: CheckRequest): Promise<void> =>
  (await import("../checks/check-devices.js"))[name](request);
const rows = async (name: RowCheck, request: CheckRequest): Promise<void> =>
  (await import("../checks/check-rows.js"))[name](request);
type DeviceCheck = "checkEngine" | "checkStudent" | "checkSchemes" | "checkChips";
type RowCheck = "checkLengths" | "checkMetrics";

const CHECKS: readonly Check[] = [
  { stages: ["teacher", "cache", "distill"], needs: [], check: (request) => devices("checkEngine", request) },
  {
    stages: ["teacher", "distill"],
    needs: [],
    check: async (request) => (await import("../checks/check-precision.js")).checkPrecision(request),
  },
  {
    stages: ["distill"],
    needs: [],
    check: async (request) => (await import("../checks/check-disk.js")).checkDisk(request),
  },
  {
    stages: ["teacher", "cache", "distill"],
    needs: [],
    check: async (request) => {
      const { checkOnPolicy } = await import("../checks/check-on-policy.js");
      checkOnPolicy(request);
    },
  },
  {
    stages: ["teacher", "cache", "distill"],
    needs: [],
    check: async (request) => {
      const { checkVocabulary } = await import("../checks/check-vocabulary.js");
      checkVocabulary(request);
    },
  },
  { stages: ["distill", "export"], needs: [], check: (request) => devices("checkStudent", request) },
  { stages: ["quantize"], needs: [], check: (request) => devices("checkSchemes", request) },
  { stages: ["compile"], needs: [], check: (request) => devices("checkChips", request) },
  {
    stages: ["teacher", "distill", "quantize", "compile"],
    needs: ["data"],
    check: (request) => rows("checkMetrics", request),
  },
  {
    stages: ["teacher", "cache", "distill"],
    needs: ["data"],
    check: async (request) => (await import("../checks/check-unlabelled.js")).checkUnlabelled(request),
  },
  {
    stages: ["teacher", "distill"],
    needs: ["data", "tokenizer"],
    check: (request) => rows("checkLengths", request),
  },
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
