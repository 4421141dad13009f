/** Stage `export`: exports the student's graphs for a target and compares them with the checkpoint. */
import { exportConfig, exportCheckpoint, type ExportConfig, type ExportReport } from "@slm/onnx-export";
import { DATA_FILES } from "@slm/data";
import { join } from "node:path";
import { withRuntime } from "@slm/models/engines";
import { shortlistOfRows } from "@slm/models/rows";
import { defineStage } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

/** Name of the model in model.json and in reports. Model cards show `deploy.name`. */
const MODEL_NAME = "student";

export const exportStage = defineStage<ExportConfig>({
  name: "export",
  summary: "the student's graphs for a target, compared with the checkpoint",
  section: exportConfig,
  kind: "export",
  revision: 4,
  isResumable: false,
  inputs: [
    { stage: "distill", required: true },
    { stage: "data", required: false },
  ],
  run: async ({ settings, compute, inputs, work, progress, signal }): Promise<ExportReport> => {
    const checkpointDirectory = requireInput(inputs, "distill");
    const rows = settings.shortlist ? join(requireInput(inputs, "data"), DATA_FILES.train) : undefined;
    const shortlist = await shortlistOfRows(checkpointDirectory, rows);
    return withRuntime(compute.threads, (runtime) =>
      exportCheckpoint({
        ...settings,
        shortlist,
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
