export type { FileRejection } from "./rejections.js";
export {
  dataConfig,
  fileSchema,
  type DataConfig,
  type FileSettings,
  type UnlabelledConfig,
} from "./data-config.js";
export { namedFiles, type NamedFile } from "./data-inputs.js";
export {
  defineDataset,
  type Dataset,
  type DatasetContext,
  type DrawnFrom,
  type DrawnImage,
  type Example,
  type Examples,
  type RejectedExample,
  type SettingsSchema,
} from "./dataset/dataset.js";
export { FORMAT_NAMES, type FormatName } from "./formats/format-table.js";
export { IMAGE_FOLDER } from "./images/picture.js";
export type { ImageStatistics } from "./images/image-statistics.js";
export { thumbnail } from "./images/thumbnail.js";
export { imageFolderOf, inspectData, type InspectOptions, type Inspection } from "./inspect-data.js";
export {
  DATA_FILES,
  prepareData,
  type DataProgress,
  type DataReport,
  type PrepareOptions,
} from "./prepare-data.js";
export { ENCODINGS, type Encoding } from "./lines.js";
export { readAllRows, readRows, readSources, scanRows, type ScannedLine } from "./read-rows.js";
export { referencesOf, textRow, type Rejection, type Row } from "./row.js";
export { scanFile, type DataFile, type ScanSettings } from "./scan-file.js";
export { below, sfc32, shuffledOrder } from "./shuffle.js";
export { sourceKey, SPLITS, type Split } from "./split.js";
export type { LengthBin, LengthSummary, TextStatistics } from "./statistics.js";
export type { UnlabelledReport } from "./unlabelled.js";
export type { TokenCount, VocabularyCover } from "./vocabulary-cover.js";
