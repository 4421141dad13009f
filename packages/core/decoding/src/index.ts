export { decode } from "./decode.js";
export { argmax } from "./logits.js";
export type { DecodeOptions, Decoded, EndReason, Strategy } from "./options.js";
export { createRandom, restoreRandom, type Random, type RandomState } from "./random.js";
export { sampleToken, type SamplingOptions } from "./sampling.js";
export type { StepDecoder } from "./step-decoder.js";
export { createTokenChooser, type ChooserOptions } from "./token-chooser.js";
export type { TokenConstraint } from "./token-constraint.js";
export { checkRules, isRuling, type TokenRules } from "./token-rules.js";
