export {
  encodeSafetensors,
  openSafetensors,
  parseHeader,
  readSafetensors,
  type DeferredTensor,
  type OpenSafetensors,
  type Safetensors,
  writeDeferredSafetensors,
  writeSafetensors,
} from "./safetensors.js";
export { CONFIG_FILE, hasWeights, WEIGHTS_FILE } from "./file-names.js";
export { decodeStored, storedBytes, type StoredDType } from "./safetensors-dtypes.js";
export { WEIGHT_FORMATS, type WeightFormat } from "./import/weight-formats.js";
export type { ExternalCheckpoint, ExternalTensor } from "./external-checkpoint.js";
export { IMPORTERS, type ExternalModel, type Importer } from "./importers.js";
export {
  CHECKPOINT_DTYPES,
  readCheckpoint,
  readModelConfig,
  writeCheckpoint,
  writeModelConfig,
  type Checkpoint,
  type CheckpointDType,
} from "./checkpoint.js";
export { locateWeights, openWeights, weightFiles } from "./weight-files.js";
export { checkReference, REFERENCE_TOLERANCES, type ReferenceReport } from "./reference/reference-check.js";
export {
  checkHuggingFace,
  isHuggingFaceReference,
  type HuggingFaceReport,
} from "./reference/hugging-face-check.js";
export { isPublishedEncoderDecoder } from "./import/encoder-decoder/families.js";
export {
  extendedShortlist,
  readLexicalShortlist,
  withSourceTokens,
  writeLexicalShortlist,
} from "./lexical-shortlist.js";
export { resolveCached, resolveModel, type ResolvedModel } from "./hub/resolve-model.js";
export { readHuggingFaceDirectory } from "./import/hugging-face-directory.js";
export { FAMILIES } from "./import/mapping/families.js";
export { importConfig, lengthsOf } from "./import/mapping/import-config.js";
export { copyWithVocabulary } from "./vocabulary-rows.js";
export { importedConfig, importEncoderDecoder, writeImported } from "./import/import-checkpoint.js";
export { importedTowerShape, importVisionTower } from "./import/import-vision-tower.js";
export { FileReader, SCALARS, type Scalar } from "./bytes/file-reader.js";
export { invalidFile, shownName } from "./bytes/invalid-file.js";
export { MARIAN_NMT } from "./import/encoder-decoder/marian-nmt.js";
export { configuredEos, encoderDecoderTokens } from "./import/token-facts.js";
