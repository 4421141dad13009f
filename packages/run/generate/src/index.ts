export { encodeBatch, sourceFeeds, type EncoderInputs } from "./encoded-batch.js";
export { BLANK_IMAGE, ImageEncoder, joinImages, type ImageEncoderOptions } from "./image-encoder.js";
export { checkLength, questionText } from "./model-limits.js";
export { loadGenerator, openGenerator } from "./generator.js";
export type { LoadedModel } from "./loaded-model.js";
export { StopText } from "./stop-text.js";
export { TextStream } from "./text-stream.js";
export type { GenerateOptions, Generation, Generator, ImageQuestion, Source } from "./types.js";
