export {
  answersOf,
  checkedShortlist,
  shortlistBytes,
  shortlistOf,
  type LexicalShortlist,
} from "./lexical-shortlist.js";
export { decode } from "./decode.js";
export { argmax, logSumExp, notFinite } from "./logits.js";
export { GENERATION_FILE, parseGenerationSettings, type GenerationSettings } from "./generation-settings.js";
export type { DecodeOptions, Decoded, EndReason, Strategy } from "./options.js";
export { createRandom, type Random } from "./random.js";
export { sampleToken, type SamplingOptions } from "./sampling.js";
export { decodeWithDrafts } from "./decode-with-drafts.js";
export type {
  GreedyStepsOptions,
  TopTokens,
  TopCandidates,
  SampledStep,
  DraftVerifier,
  StepDecoder,
} from "./step-decoder.js";
export { createTokenSelector } from "./token-selector.js";
export type { TokenConstraint } from "./token-constraint.js";
export { checkRules, isRuling, type TokenRules } from "./token-rules.js";
export { type Grammar, type Part } from "./constraint/grammar.js";
export { jsonObjectGrammar } from "./constraint/json-schema/json-values.js";
export { copiesSource, jsonSchemaGrammar } from "./constraint/json-schema/json-schema.js";
export { constrainTokens } from "./constraint/token-constraint.js";
