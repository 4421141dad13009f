/** Stage `export`: exports the student's graphs for a target and compares them with the checkpoint. */
import {
  exportConfig,
  exportCheckpoint,
  rowFilesOf,
  type ExportConfig,
  type ExportReport,
} from "@slm/onnx-export";
import { DATA_FILES } from "@slm/data";
import { join } from "node:path";
import { withRuntime } from "@slm/models/engines";
import { listsOfRows } from "@slm/models/rows";
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
    // The teacher's answers to sources without targets also show how answers continue.
    { stage: "cache", required: false },
  ],
  run: async ({ settings, compute, inputs, work, progress, signal }): Promise<ExportReport> => {
    const checkpointDirectory = requireInput(inputs, "distill");
    const files = rowFilesOf(settings, () => join(requireInput(inputs, "data"), DATA_FILES.train));
    const lists = await listsOfRows(checkpointDirectory, files, { cache: inputs["cache"], progress });
    return withRuntime(compute.threads, (runtime) =>
      exportCheckpoint({
        ...settings,
        ...lists,
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
