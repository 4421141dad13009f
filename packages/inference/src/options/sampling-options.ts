/** Sampling options and end conditions. */
import type { Strategy, TokenRules } from "@slm/generation";

/** Sampling options. Default: the model's own settings; greedy if it has none. */
export interface SamplingOptions {
  /** Number of beams of beam search. */
  readonly beams?: number | undefined;
  /** Samples tokens at this temperature; 0, the default, takes the top-1 token. */
  readonly temperature?: number | undefined;
  /** Top-k: samples from the k most probable tokens. */
  readonly topK?: number | undefined;
  /** Top-p: samples from the fewest tokens whose probabilities reach this sum, 0 to 1. */
  readonly topP?: number | undefined;
  /** Min-p: samples from tokens with at least this fraction of the top-1 probability, 0 to 1. */
  readonly minP?: number | undefined;
  /** Seed of sampling, per prompt: the same seed and prompt give the same text. Default: 1. */
  readonly seed?: number | undefined;
  /** Repetition penalty, as in Hugging Face's generate: above 1 discourages tokens that occurred. */
  readonly repetitionPenalty?: number | undefined;
  /** Presence penalty, as in OpenAI's API: subtracted from the logit of every token of the answer so far, -2 to 2. */
  readonly presencePenalty?: number | undefined;
  /** Frequency penalty, as in OpenAI's API: subtracted once per occurrence in the answer so far, -2 to 2. */
  readonly frequencyPenalty?: number | undefined;
  /** Stop texts. The answer ends before the first of them. */
  readonly stop?: readonly string[] | undefined;
  /** Maximum number of tokens of an answer. Default: the capacity of the model's cache. */
  readonly maxTokens?: number | undefined;
  /** Time limit for a batch of answers [s]. The step in progress is finished. */
  readonly maxSeconds?: number | undefined;
}

/** Default seed, so that answers are reproducible. */
const DEFAULT_SEED = 1;

/** The contents of {@link SamplingOptions} in the form that decoding uses. */
export interface SamplingRequest {
  readonly strategy: Strategy | undefined;
  readonly rules: TokenRules;
  readonly seed: number | undefined;
  readonly maxTimeMs: number | undefined;
}

/** The strategy and rules of a request: given explicitly, or derived from its individual options. */
export function samplingOptions(
  options: SamplingOptions & {
    readonly strategy?: Strategy | undefined;
    readonly rules?: TokenRules | undefined;
  },
): SamplingRequest {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, maxSeconds } = options;
  const { rules = { repetitionPenalty, presencePenalty, frequencyPenalty } } = options;
  const chosen = strategyOf(options);
  const seed = options.strategy === undefined && chosen?.kind === "sample" ? DEFAULT_SEED : undefined;
  return {
    strategy: options.strategy ?? chosen,
    rules,
    seed: options.seed ?? seed,
    maxTimeMs: maxSeconds === undefined ? undefined : maxSeconds * 1000,
  };
}

/** Beams are ranked by mean log-probability, so that long answers are not penalized. */
const LENGTH_PENALTY = 1;

/** The beam search settings of all commands. */
export const beamSearch = (beams: number): Strategy => ({
  kind: "beam",
  beams,
  lengthPenalty: LENGTH_PENALTY,
});

/** Undefined if no option chooses a strategy. The model's own strategy then applies; the default is greedy. */
function strategyOf({ beams, temperature, topK, topP, minP }: SamplingOptions): Strategy | undefined {
  if (beams !== undefined) return beamSearch(beams);
  if (temperature === undefined) return undefined;
  if (temperature === 0) return { kind: "greedy" };
  return {
    kind: "sample",
    temperature,
    topK,
    topP,
    minP,
  };
}
