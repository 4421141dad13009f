export { MemoryModel, hashedLogits, type DecoderRun, type LogitsOf } from "./memory-model.js";
export { TINY, tinyDeviceModel, tinyTokenizer, tinyVisionModel, writeTinyModel } from "./tiny-model.js";
export { TINY_LANGUAGES, writeTinyTranslator } from "./tiny-translator.js";
