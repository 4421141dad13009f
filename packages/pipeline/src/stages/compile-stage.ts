/** Stage `compile`: compiles the model's graphs for each chip with the vendor's compiler, and verifies them on held-out rows. */
import {
  compileConfig,
  compileModel,
  type CompileConfig,
  type CompileReport,
} from "@slm/runtime-native/compilation";
import { withRuntime } from "@slm/models/engines";
import { readHeldOutRows, type HeldOutSplit } from "@slm/models/rows";
import { locateModel } from "@slm/models/open";
import { measureQuality } from "@slm/models/quality";
import { verifyCompiled, type VerifiedChip } from "@slm/models/quality";
import { defineStage, type StageRun } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

export interface CompileStageReport extends CompileReport {
  /** Number of verified rows, and their split; null without verification. */
  readonly verification: {
    readonly n: number;
    readonly split: HeldOutSplit;
    /** Metrics of the float32 export on the CPU, on the same rows. */
    readonly float32: Readonly<Record<string, number>>;
    readonly chips: readonly VerifiedChip[];
  } | null;
}

export const compileStage = defineStage<CompileConfig>({
  name: "compile",
  summary: "graphs compiled for each chip by the NPU vendor's compiler, in addition to the portable graphs",
  section: compileConfig,
  kind: "compiled",
  revision: 1,
  isResumable: false,
  inputs: [
    { stage: "data", required: true },
    { stage: "export", required: true },
    { stage: "quantize", required: false },
  ],
  run: async (run): Promise<CompileStageReport> => {
    const { settings, compute, inputs, work, progress, signal } = run;
    const { directory } = await locateModel(inputs.quantize ?? requireInput(inputs, "export"));
    const report = await compileModel({
      modelDirectory: directory,
      outputDirectory: work,
      socs: settings.socs,
      threads: compute.threads,
      progress,
      signal,
    });
    return { ...report, verification: settings.verifyRows === 0 ? null : await verify(report, run) };
  },
});

async function verify(
  { profile, chips }: CompileReport,
  { settings, compute, inputs, work, ...context }: StageRun<CompileConfig>,
): Promise<NonNullable<CompileStageReport["verification"]>> {
  const { metrics = [], verifyRows } = settings;
  const { rows, split } = await readHeldOutRows(requireInput(inputs, "data"), verifyRows);
  const { metrics: float32 } =
    metrics.length === 0
      ? { metrics: {} }
      : await withRuntime(compute.threads, (runtime) =>
          measureQuality({ model: requireInput(inputs, "export"), rows, metrics, runtime, context }),
        );
  const verified = await verifyCompiled({
    model: work,
    profile,
    socs: chips.map(({ soc }) => soc),
    rows,
    metrics,
    threads: compute.threads,
    context,
  });
  return { n: rows.length, split, float32, chips: verified };
}
