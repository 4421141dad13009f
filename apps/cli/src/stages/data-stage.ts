/** Stage `data`: rows of a source, split into train, dev and test. */
import { dataConfig, IMAGE_FOLDER, namedFiles, prepareData, type DataConfig } from "@slm/data";
import { defineStage } from "../pipeline/stage.js";

const STEP_MESSAGE = { read: "lines read", write: "rows written" } as const;

export const dataStage = defineStage<DataConfig>({
  name: "data",
  summary: "rows of a source, split into train, dev and test",
  section: dataConfig,
  kind: "data",
  revision: 1,
  inputs: [],
  files: namedFiles,
  indexed: [IMAGE_FOLDER],
  run: ({ settings, work, seed, signal, progress }) =>
    prepareData(settings, work, {
      seed,
      signal,
      progress: ({ step, done }) => {
        progress({ stage: "data", message: `${done} ${STEP_MESSAGE[step]}` });
      },
    }),
});
