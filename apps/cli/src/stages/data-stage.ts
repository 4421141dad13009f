/** Stage `data`: rows of a source, split into train, dev and test. */
import { dataConfig, prepareData, type DataConfig } from "@slm/data";
import { defineStage, type StageFile } from "../pipeline/stage.js";

const STEP_MESSAGE = { read: "lines read", write: "rows written" } as const;

export const dataStage = defineStage<DataConfig>({
  name: "data",
  summary: "rows of a source, split into train, dev and test",
  section: dataConfig,
  kind: "data",
  revision: 1,
  inputs: [],
  files: inputFiles,
  run: ({ settings, work, signal, progress }) =>
    prepareData(settings, work, {
      signal,
      progress: ({ step, done }) => {
        progress({ stage: "data", message: `${done} ${STEP_MESSAGE[step]}` });
      },
    }),
});

function inputFiles({ unlabelled, ...files }: DataConfig): readonly StageFile[] {
  const named = (["train", "dev", "test"] as const).flatMap((split) => {
    const path = files[split];
    return path === undefined ? [] : [{ setting: split, path }];
  });
  return unlabelled === undefined ? named : [...named, { setting: "unlabelled.path", path: unlabelled.path }];
}
