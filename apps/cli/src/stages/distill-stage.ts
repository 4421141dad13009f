/** Stage `distill`: an encoder-decoder student learns from the teacher. */
import { distill, distillConfig, type DistillConfig, type DistillReport } from "@slm/distillation";
import { withEngine } from "../compute/open-engine.js";
import { estimateDistill } from "../estimates/training-estimate.js";
import { defineStage } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

export const distillStage = defineStage<DistillConfig>({
  name: "distill",
  summary: "an encoder-decoder student learns from the teacher",
  section: distillConfig,
  kind: "checkpoint",
  revision: 1,
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    { stage: "teacher", required: true },
  ],
  estimate: estimateDistill,
  run: ({ settings, compute, inputs, work, ...context }): Promise<DistillReport> =>
    withEngine(compute, (engine) =>
      distill(settings, {
        dataDirectory: requireInput(inputs, "data"),
        tokenizerDirectory: requireInput(inputs, "tokenizer"),
        teacherDirectory: requireInput(inputs, "teacher"),
        workDirectory: work,
        engine,
        context,
      }),
    ),
});
