export { MAX_IMAGE_BYTES, MAX_INPUT_SIDE, MAX_PIXELS, MAX_RATIO, MAX_SIDE } from "./image/limits.js";
export { toGrey, type PixelImage } from "./image/pixel-image.js";
export {
  decodeImage,
  readImage,
  readImageBytes,
  readImageHeader,
  type ImageHeader,
} from "./decode/decode-image.js";
export { inTurn } from "./decode/decoding-turns.js";
export { loadSharp } from "./decode/load-sharp.js";
export { resample, type FilterName } from "./resample/resample.js";
export {
  fitResize,
  imageProcessing,
  parseImageProcessing,
  processedSize,
  type ImageProcessing,
} from "./processing/image-processing.js";
export { processImage, sampleTables } from "./processing/process-image.js";
export {
  parsePreprocessorConfig,
  PREPROCESSOR_FILE,
  readPreprocessorConfig,
} from "./processing/preprocessor-config.js";
export { toPatches } from "./patches/patches.js";
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
} from "./patches/patch-rows.js";
export { imageOfBytes, imageOfFile, type FoundImage, type ImageSource } from "./decode/image-source.js";
