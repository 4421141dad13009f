/** Stage `export`: exports the student's graphs for a target and compares them with the checkpoint. */
import { exportSection, exportCheckpoint, type ExportReport, type ExportSection } from "@slm/onnx-export";
import { withRuntime } from "@slm/models/engines";
import { defineStage } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

/** Name of the model in model.json and in reports. Model cards show `deploy.name`. */
const MODEL_NAME = "student";

export const exportStage = defineStage<ExportSection>({
  name: "export",
  summary: "the student's graphs for a target, compared with the checkpoint",
  section: exportSection,
  kind: "export",
  revision: 4,
  isResumable: false,
  inputs: [{ stage: "distill", required: true }],
  run: async ({ settings, compute, inputs, work, progress, signal }): Promise<ExportReport> => {
    const checkpointDirectory = requireInput(inputs, "distill");
    return withRuntime(compute.threads, (runtime) =>
      exportCheckpoint({
        ...settings,
        checkpointDirectory,
        outputDirectory: work,
        name: MODEL_NAME,
        runtime,
        progress,
        signal,
      }),
    );
  },
});
