export {
  answersOf,
  checkedShortlist,
  shortlistBytes,
  shortlistOf,
  type LexicalShortlist,
} from "./lexical-shortlist.js";
export { decode } from "./search/decode.js";
export { argmax, highestIds, logSumExp, notFinite, topIds } from "./sampling/logits.js";
export { GENERATION_FILE, parseGenerationSettings, type GenerationSettings } from "./generation-settings.js";
export type { DecodeOptions, Decoded, EndReason, Strategy } from "./search/options.js";
export { createRandom, type Random } from "./sampling/random.js";
export { sampleToken, type SamplingOptions } from "./sampling/sampling.js";
export type { GreedyStepsOptions, TopTokens, TopCandidates, StepDecoder } from "./search/step-decoder.js";
export { createTokenSelector } from "./search/token-selector.js";
export type { TokenConstraint } from "./rules/token-constraint.js";
export { checkRules, isRuling, type TokenRules } from "./rules/token-rules.js";
export { type Grammar, type Part } from "./constraint/grammar.js";
export { jsonObjectGrammar } from "./constraint/json-schema/json-values.js";
export { copiesSource, jsonSchemaGrammar } from "./constraint/json-schema/json-schema.js";
export { constrainTokens } from "./constraint/constrain-tokens.js";
export { endlessRequest, greedyRuns } from "./greedy-runs.js";
