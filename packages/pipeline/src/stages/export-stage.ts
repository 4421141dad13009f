/** Stage `export`: the student's graphs for a target, checked against the checkpoint. */
import { exportConfig, exportCheckpoint, type ExportConfig, type ExportReport } from "@slm/onnx-export";
import { DATA_FILES } from "@slm/data";
import { join } from "node:path";
import { withRuntime } from "../compute/open-engine.js";
import { draftRulesOfRows } from "../models/draft-rules.js";
import { shortlistOfRows } from "../models/shortlist.js";
import { defineStage } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

/** Name of the model in model.json and in reports; `deploy.name` is what a card shows. */
const MODEL_NAME = "student";

export const exportStage = defineStage<ExportConfig>({
  name: "export",
  summary: "the student's graphs for a target, checked against the checkpoint",
  section: exportConfig,
  kind: "export",
  revision: 3,
  isResumable: false,
  inputs: [
    { stage: "distill", required: true },
    { stage: "data", required: false },
    // What the teacher answered to sources without targets says how answers go on as well.
    { stage: "cache", required: false },
  ],
  run: async ({ settings, compute, inputs, work, progress, signal }): Promise<ExportReport> => {
    const checkpointDirectory = requireInput(inputs, "distill");
    const { shortlist: isShort, draftRules: isDrafted, ...choice } = settings;
    const rows = isShort || isDrafted ? join(requireInput(inputs, "data"), DATA_FILES.train) : "";
    const shortlist = isShort ? await shortlistOfRows(checkpointDirectory, rows) : undefined;
    const draftRules = isDrafted
      ? await draftRulesOfRows(checkpointDirectory, { rows, cache: inputs["cache"] }, progress)
      : undefined;
    return withRuntime(compute.threads, (runtime) =>
      exportCheckpoint({
        ...choice,
        shortlist,
        draftRules,
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
