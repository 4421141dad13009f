export { encodeBatch, type EncoderInputs } from "./encoded-batch.js";
export { loadGenerator, openGenerator } from "./generator.js";
export type { LoadedModel } from "./loaded-model.js";
export { StopText } from "./stop-text.js";
export { TextStream } from "./text-stream.js";
export type { GenerateOptions, Generation, Generator } from "./types.js";
