export { MAX_IMAGE_BYTES, MAX_INPUT_SIDE, MAX_PIXELS } from "./limits.js";
export { toGrey, type PixelImage, type Window } from "./pixel-image.js";
export { imageFormatOf, type ImageFormat } from "./image-formats.js";
export { decodeImage, readImage, readImageBytes, type DecodeLimits } from "./decode-image.js";
export { FILTERS, resample, type FilterName, type ResampleRequest } from "./resample.js";
export {
  imageProcessing,
  parseImageProcessing,
  processedSize,
  type ImageProcessing,
} from "./image-processing.js";
export {
  normalizePixels,
  processImage,
  sampleTables,
  shapeImage,
  type ProcessedImage,
} from "./process-image.js";
export {
  parsePreprocessorConfig,
  PREPROCESSOR_FILE,
  readPreprocessorConfig,
  type PreprocessorConfig,
} from "./preprocessor-config.js";
export {
  bestResolution,
  processTiles,
  sizeInside,
  tileGrid,
  tileTokens,
  type Pinpoints,
  type Tiles,
} from "./tiles.js";
export { toPatches, toPixelPatches } from "./patches.js";
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
