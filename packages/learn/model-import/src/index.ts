export { INDEX_FILE, readHuggingFaceDirectory } from "./hugging-face-directory.js";
export { FAMILIES } from "./families.js";
export { importConfig, type ImportedConfig, type ImportOptions } from "./import-config.js";
export { importDecoderOnly, writeImported, type WriteImportOptions } from "./import-decoder-only.js";
