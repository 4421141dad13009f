export {
  encodeSafetensors,
  openSafetensors,
  parseHeader,
  readSafetensors,
  writeDeferredSafetensors,
  writeSafetensors,
  type DeferredTensor,
  type OpenSafetensors,
  type Safetensors,
} from "./safetensors.js";
export type { ExternalCheckpoint, ExternalTensor } from "./external-checkpoint.js";
export {
  isPackable,
  packGgmlBlocks,
  type PackableType,
  type PackedBlocks,
} from "./gguf/types/ggml-blocks.js";
export {
  CHECKPOINT_DTYPES,
  CONFIG_FILE,
  readCheckpoint,
  readModelConfig,
  storedValues,
  storedWeight,
  WEIGHTS_FILE,
  writeCheckpoint,
  writeModelConfig,
  type Checkpoint,
  type CheckpointDType,
} from "./checkpoint.js";
export { checkReference, REFERENCE_TOLERANCES, type ReferenceReport } from "./reference/reference-check.js";
export { readReferenceConfig, readReferenceWeights, referenceName } from "./reference/reference.js";
export { readGguf, type GgufFile, type GgufTensor } from "./gguf/file/gguf-file.js";
export type { Metadata, MetadataValue } from "./gguf/file/metadata.js";
export { readTensor, readTensorBytes } from "./gguf/file/tensor-data.js";
export { TENSOR_TYPES, tensorTypeByName } from "./gguf/types/tensor-types.js";
export type { BlockType } from "./gguf/types/block-type.js";
export { externalCheckpoint, openGgufCheckpoint } from "./gguf/model/external-checkpoint.js";
export { ggufTokenizer, type HuggingFaceTokenizer } from "./gguf/tokenizer/gguf-tokenizer.js";
export { resolveCached, resolveModel, type ResolvedModel, type ResolveOptions } from "./hub/resolve-model.js";
export { parseModelSource, type HubSource, type ModelSource } from "./hub/model-source.js";
export { INDEX_FILE, readHuggingFaceDirectory } from "./import/hugging-face-directory.js";
export { FAMILIES } from "./import/families.js";
export { importConfig, type ImportedConfig, type ImportOptions, lengthsOf } from "./import/import-config.js";
export { importDecoderOnly, writeImported, type WriteImportOptions } from "./import/import-decoder-only.js";
export {
  importedTowerShape,
  importVisionTower,
  type ImportedTower,
  type VisionImportOptions,
} from "./import/import-vision-tower.js";
