export { dataConfig, fileSchema, type DataConfig, type FileSettings } from "./data-config.js";
export { namedFiles } from "./data-inputs.js";
export {
  defineDataset,
  type Dataset,
  type DatasetContext,
  type Example,
  type RejectedExample,
} from "./dataset/dataset.js";
export { HashTable } from "./hash-table.js";
export { IMAGE_FOLDER } from "./images/picture.js";
export type { ImageStatistics } from "./images/image-statistics.js";
export { thumbnail } from "./images/thumbnail.js";
export { imageFolderOf, inspectData, type InspectOptions, type Inspection } from "./inspect-data.js";
export { DATA_FILES, prepareData, type DataReport } from "./prepare-data.js";
export { type Encoding } from "./lines.js";
export {
  readFileRows,
  scanPrompts,
  type PromptFormat,
  type PromptSettings,
  type ScannedPrompt,
} from "./read-file-rows.js";
export { firstReasons } from "./rejections.js";
export { DATA_FORMATS, formatByEnding } from "./formats/format-table.js";
export type { DataFormat, ReadSettings, ScannedRecord } from "./formats/data-format.js";
export { guessFields } from "./guess-fields.js";
export { peekFile, type PeekedFile } from "./peek-file.js";
export { scanFile } from "./scan-file.js";
export { settingsForFile, settingsToRemember, type NeededSides } from "./remembered-settings.js";
export { readAllRows, readRows, readSources } from "./read-rows.js";
export { referencesOf, textRow, type Rejection, type Row } from "./row.js";
export { below, sfc32, shuffledOrder } from "./shuffle.js";
export { sourceKey, SPLITS, type Split } from "./split.js";
export type { LengthBin, LengthSummary } from "./statistics.js";
export type { VocabularyCover } from "./vocabulary-cover.js";
