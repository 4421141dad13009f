/** Stage `data`: reads the rows of a source and splits them into train, dev and test. */
import {
  dataConfig,
  firstReasons,
  IMAGE_FOLDER,
  namedFiles,
  prepareData,
  type DataConfig,
  type DataReport,
} from "@slm/data";
import { defineStage } from "../stage/stage.js";

/** How many records were rejected, with the first reasons; undefined if none were rejected. */
function rejectedLine({
  rejected,
  rejectedCount,
}: Pick<DataReport, "rejected" | "rejectedCount">): string | undefined {
  return rejectedCount === 0
    ? undefined
    : `${rejectedCount} rejected: ${firstReasons(rejected, rejectedCount)}`;
}

const STEP_MESSAGE = { read: "lines read", write: "rows written" } as const;

export const dataStage = defineStage<DataConfig>({
  name: "data",
  summary: "rows of a source, split into train, dev and test",
  section: dataConfig,
  kind: "data",
  revision: 1,
  // Uses the recipe's file names, so that the result does not depend on the recipe's folder.
  records: ["statistics.json"],
  inputs: [],
  files: namedFiles,
  indexed: [IMAGE_FOLDER],
  run: async ({ settings, work, seed, signal, progress }): Promise<DataReport> => {
    const report = await prepareData(settings, work, {
      seed,
      signal,
      progress: ({ step, done }) => {
        progress({ stage: "data", message: `${done} ${STEP_MESSAGE[step]}` });
      },
    });
    const rejected = rejectedLine(report);
    if (rejected !== undefined) progress({ stage: "data", message: rejected, isNote: true });
    return report;
  },
});
