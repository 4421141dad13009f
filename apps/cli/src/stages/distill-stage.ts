/** Stage `distill`: a student learns from the teacher. */
import { distill, distillConfig, type DistillConfig, type DistillReport } from "@slm/distillation";
import { withEngine } from "../compute/open-engine.js";
import { estimateDistill } from "../estimates/training-estimate.js";
import { defineStage, type StageFile } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

export const distillStage = defineStage<DistillConfig>({
  name: "distill",
  summary: "a student learns from the teacher",
  section: distillConfig,
  kind: "checkpoint",
  revision: 2,
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    // A student of the labels alone has none.
    { stage: "teacher", required: false },
    { stage: "cache", required: false },
  ],
  files: ({ initialize: { vision } }): readonly StageFile[] =>
    vision === undefined ? [] : [{ setting: "initialize.vision", path: vision }],
  estimate: estimateDistill,
  run: ({ settings, compute, inputs, work, ...context }): Promise<DistillReport> =>
    withEngine(compute, (engine) =>
      distill(settings, {
        dataDirectory: requireInput(inputs, "data"),
        tokenizerDirectory: requireInput(inputs, "tokenizer"),
        ...(inputs.teacher === undefined ? {} : { teacherDirectory: inputs.teacher }),
        ...(inputs.cache === undefined ? {} : { cacheDirectory: inputs.cache }),
        workDirectory: work,
        engine,
        context,
      }),
    ),
});
