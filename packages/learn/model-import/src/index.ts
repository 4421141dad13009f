export { INDEX_FILE, readHuggingFaceDirectory } from "./hugging-face-directory.js";
export { FAMILIES } from "./families.js";
export { importConfig, type ImportedConfig, type ImportOptions } from "./import-config.js";
export { importDecoderOnly, writeImported, type WriteImportOptions } from "./import-decoder-only.js";
export {
  findGraph,
  graphFiles,
  importGraph,
  type FoundGraph,
  type ImportedGraph,
  type ImportGraphOptions,
} from "./import-graph.js";
export { checkTeacher, type TeacherCheckOptions, type TeacherCheckReport } from "./check-teacher.js";
export type { Agreement } from "./compare-positions.js";
export { readReference, type Reference, type ReferencePosition } from "./reference-file.js";
export {
  importedTowerShape,
  importVisionTower,
  type ImportedTower,
  type VisionImportOptions,
} from "./import-vision-tower.js";
