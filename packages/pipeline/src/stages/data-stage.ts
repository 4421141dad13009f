/** Stage `data`: rows of a source, split into train, dev and test. */
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

/** How many records were rejected and why the first were; undefined if none was. */
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
  // Names files as the recipe does, in which folder ever that lies.
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
