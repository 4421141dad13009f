/** How tokens are chosen and when a text ends. */
import type { Strategy, TokenRules } from "@slm/decoding";
import type { GenerateOptions } from "./types.js";

/** How tokens are chosen. Default: greedily. */
export interface SamplingOptions {
  /** Beam search with so many beams. */
  readonly beams?: number | undefined;
  /** Samples tokens at this temperature; 0, the default, takes the top-1 token. */
  readonly temperature?: number | undefined;
  /** Samples among the k most probable tokens. */
  readonly topK?: number | undefined;
  /** Samples among the fewest tokens whose probabilities reach this sum, 0 to 1. */
  readonly topP?: number | undefined;
  /** Samples among tokens at least this many times as probable as the top-1 token, 0 to 1. */
  readonly minP?: number | undefined;
  /** Samples repeat with the same seed, prompt by prompt. Default: 1. */
  readonly seed?: number | undefined;
  /** Above 1 discourages tokens that were seen, as in Hugging Face's generate. */
  readonly repetitionPenalty?: number | undefined;
  /** Taken off the score of every token of the answer so far, as in OpenAI's API, -2 to 2. */
  readonly presencePenalty?: number | undefined;
  /** Taken off a token's score as often as it stands in the answer so far, as in OpenAI's API, -2 to 2. */
  readonly frequencyPenalty?: number | undefined;
  /** Texts that end an answer, which stops before the first of them. */
  readonly stop?: readonly string[] | undefined;
  /** Most tokens of an answer. Default: what the model's cache holds. */
  readonly maxTokens?: number | undefined;
  /** Longest time for a batch of answers [s]; the step in progress is the last. */
  readonly maxSeconds?: number | undefined;
}

/** Seed of draws when none is given: answers repeat unless asked not to. */
const DEFAULT_SEED = 1;

/** What generation is asked by the options. */
export function samplingOptions(options: SamplingOptions): GenerateOptions {
  const { stop = [], seed = DEFAULT_SEED, maxTokens, maxSeconds } = options;
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  const strategy = strategyOf(options);
  const rules: TokenRules = { repetitionPenalty, presencePenalty, frequencyPenalty };
  return {
    strategy,
    rules,
    stop,
    seed: strategy.kind === "sample" ? seed : undefined,
    maxTokens,
    maxTimeMs: maxSeconds === undefined ? undefined : maxSeconds * 1000,
  };
}

/** Beams are ranked by mean log-probability, so that long answers are not at a disadvantage. */
const LENGTH_PENALTY = 1;

/** Beam search as every command does it. */
export const beamSearch = (beams: number): Strategy => ({
  kind: "beam",
  beams,
  lengthPenalty: LENGTH_PENALTY,
});

function strategyOf({ beams, temperature = 0, topK, topP, minP }: SamplingOptions): Strategy {
  if (beams !== undefined) return beamSearch(beams);
  if (temperature === 0) return { kind: "greedy" };
  return {
    kind: "sample",
    temperature,
    topK,
    topP,
    minP,
  };
}
