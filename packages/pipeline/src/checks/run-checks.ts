/** The table of checks, and when they are made: before the first stage, and as soon as the artifacts that they read are there. */
import type { Check, CheckRequest } from "./check.js";

/** Loaded when a run has work to do, so that a run that skips every stage stays fast. */
const devices = async (name: DeviceCheck, request: CheckRequest): Promise<void> =>
  (await import("./check-devices.js"))[name](request);
const rows = async (name: RowCheck, request: CheckRequest): Promise<void> =>
  (await import("./check-rows.js"))[name](request);
type DeviceCheck = "checkEngine" | "checkStudent" | "checkSchemes" | "checkChips";
type RowCheck = "checkLengths" | "checkMetrics";

const CHECKS: readonly Check[] = [
  { stages: ["teacher", "cache", "distill"], needs: [], check: (request) => devices("checkEngine", request) },
  {
    stages: ["teacher", "distill"],
    needs: [],
    check: async (request) => (await import("./check-precision.js")).checkPrecision(request),
  },
  {
    stages: ["distill"],
    needs: [],
    check: async (request) => (await import("./check-disk.js")).checkDisk(request),
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
    check: async (request) => (await import("./check-unlabelled.js")).checkUnlabelled(request),
  },
  {
    stages: ["teacher", "distill"],
    needs: ["data", "tokenizer"],
    check: (request) => rows("checkLengths", request),
  },
];

/** The checks of one run; each is made once. */
export class RunChecks {
  readonly #pending = new Set(CHECKS);

  /** Makes the checks whose artifacts are there. @throws SlmError of the first thing that is wrong */
  async run(request: CheckRequest): Promise<void> {
    for (const check of this.#pending) {
      if (!check.needs.every((stage) => request.artifacts[stage] !== undefined)) continue;
      this.#pending.delete(check);
      const runs = request.running.map((name) => name.split("@")[0]!);
      if (check.stages.some((stage) => runs.includes(stage))) await check.check(request);
    }
  }
}
