export { MAX_IMAGE_BYTES, MAX_INPUT_SIDE, MAX_PIXELS, MAX_RATIO, MAX_SIDE } from "./limits.js";
export { toGrey, type PixelImage } from "./pixel-image.js";
export { decodeImage, readImage, readImageBytes, readImageHeader, type ImageHeader } from "./decode-image.js";
export { inTurn } from "./decoding-turns.js";
export { resample, type FilterName } from "./resample.js";
export {
  imageProcessing,
  parseImageProcessing,
  processedSize,
  type ImageProcessing,
} from "./image-processing.js";
export { processImage, sampleTables } from "./process-image.js";
export { parsePreprocessorConfig, PREPROCESSOR_FILE, readPreprocessorConfig } from "./preprocessor-config.js";
export { toPatches } from "./patches.js";
export {
  checkPatchReading,
  patchReading,
  patchRows,
  patchRowsReader,
  patchRowsShape,
  patchSamples,
  patchSize,
  type PatchReading,
  type PatchRowsReader,
} from "./patch-rows.js";
export { imageOfBytes, imageOfFile, type FoundImage, type ImageSource } from "./image-source.js";
