export {
  DEFAULT_MAX_REJECTED,
  dataConfig,
  fileSchema,
  type DataConfig,
  type FileSettings,
} from "./config/data-config.js";
export { namedFiles } from "./inputs/data-inputs.js";
export * from "./inputs/module-library.js";
export { HashTable } from "./storage/hash-table.js";
export { IMAGE_FOLDER } from "./images/picture.js";
export type { ImageStatistics } from "./statistics/image-statistics.js";
export { thumbnail } from "./images/thumbnail.js";
export { imageFolderOf, inspectData, type InspectOptions, type Inspection } from "./inspect-data.js";
export { DATA_FILES, prepareData, type DataReport } from "./prepare-data.js";
export { type Encoding } from "./rows/lines.js";
export {
  readFileRows,
  scanPrompts,
  type PromptSettings,
  type ScannedPrompt,
} from "./inputs/read-file-rows.js";
export { firstReasons } from "./rows/rejections.js";
export { DATA_FORMATS, formatByEnding } from "./formats/format-table.js";
export type { DataFormat } from "./formats/data-format.js";
export { guessFields, textColumns } from "./rows/guess-fields.js";
export { peekFile, type PeekedFile } from "./inputs/peek-file.js";
export { scanFile } from "./formats/scan-file.js";
export { settingsForFile, settingsToRemember, type NeededSides } from "./inputs/remembered-settings.js";
export type { LengthBin, LengthSummary } from "./statistics/statistics.js";
export type { VocabularyCover } from "./statistics/vocabulary-cover.js";
