export { decode } from "./decode.js";
export { argmax } from "./logits.js";
export type { DecodeOptions, Decoded, Strategy } from "./options.js";
export { createRandom, restoreRandom, type Random, type RandomState } from "./random.js";
export { sampleToken, type SamplingOptions } from "./sampling.js";
export type { StepDecoder } from "./step-decoder.js";
