/** Models in GGUF files. */
import { defineExtension, type Extension } from "@slm/extensions";
import { gguf } from "./gguf-importer.js";

export { readGguf } from "./file/gguf-file.js";
export { readTensorBytes } from "./file/tensor-data.js";
export { externalCheckpoint, openGgufCheckpoint } from "./model/external-checkpoint.js";
export { ggufPieceTokenizer } from "./tokenizer/encoder-decoder-tokenizer.js";
export { ggufTokenizer } from "./tokenizer/gguf-tokenizer.js";
export { tensorTypeByName } from "./types/tensor-types.js";

const extension: Extension = defineExtension({ name: "slm-gguf", importers: { gguf } });
export default extension;
