/** What dataset modules can import from `@slm/data`. */
export {
  defineDataset,
  type Dataset,
  type DatasetContext,
  type Example,
  type RejectedExample,
} from "../dataset/dataset.js";
export { readAllRows, readRows, readSources } from "../formats/read-rows.js";
export { referencesOf, textRow, type Row } from "../rows/row.js";
export { below, sfc32, shuffledOrder } from "../sampling/shuffle.js";
export { sourceKey, SPLITS, type Split } from "../sampling/split.js";
