export { readGguf, type GgufFile, type GgufTensor } from "./file/gguf-file.js";
export type { Metadata, MetadataValue } from "./file/metadata.js";
export { readTensor, readTensorBytes } from "./file/tensor-data.js";
export { TENSOR_TYPES, tensorTypeByName } from "./types/tensor-types.js";
export type { BlockType } from "./types/block-type.js";
export { foreignCheckpoint, openGgufCheckpoint } from "./model/foreign-checkpoint.js";
export { ggufTokenizer, type HuggingFaceTokenizer } from "./tokenizer/gguf-tokenizer.js";
