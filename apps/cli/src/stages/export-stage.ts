/** Stage `export`: the student's graphs for a target, checked against the checkpoint. */
import { exportConfig, exportModel, type ExportConfig, type ExportReport } from "@slm/onnx-export";
import { withRuntime } from "../compute/open-engine.js";
import { defineStage } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

/** Name of the model in model.json and in reports; `deploy.name` is what a card shows. */
const MODEL_NAME = "student";

export const exportStage = defineStage<ExportConfig>({
  name: "export",
  summary: "the student's graphs for a target, checked against the checkpoint",
  section: exportConfig,
  kind: "export",
  revision: 2,
  inputs: [{ stage: "distill", required: true }],
  run: ({ settings, compute, inputs, work, progress, signal }): Promise<ExportReport> =>
    withRuntime(compute.threads, (runtime) =>
      exportModel({
        ...settings,
        checkpointDirectory: requireInput(inputs, "distill"),
        outputDirectory: work,
        name: MODEL_NAME,
        runtime,
        progress,
        signal,
      }),
    ),
});
