/** Published models, in the formats of other programs. */
export { importModel, type ImportedModel, type ImportModelOptions } from "./import-published.js";
export {
  chatTemplateFiles,
  externalFiles,
  externalTokenizerFiles,
  openExternal,
  openExternalTokenizer,
} from "./open-external.js";
export { openPublishedTower, publishedTowerFiles, publishedTowerShape } from "./published-tower.js";
