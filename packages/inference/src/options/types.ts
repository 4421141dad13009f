import type { EndReason, Strategy, TokenConstraint, TokenRules } from "@slm/generation";
import type { LanguagePair } from "@slm/tokenizer";
import type { ImageSource } from "@slm/vision";
import type { SamplingOptions } from "./sampling-options.js";

/** A prompt: a text, for a vision-language model an image, and for a multilingual one perhaps languages. */
export type Source = string | FullPrompt;

interface FullPrompt {
  /** Default: the default prompt of model.json. */
  readonly text?: string | undefined;
  /** For a vision-language model. */
  readonly image?: ImageSource | undefined;
  /** Languages of this source and its answer, in the place of those of the options. */
  readonly languages?: LanguagePair | undefined;
}

/** Options of a generation. What is left out is as the model's own settings say, and greedy if it has none. */
export interface GenerateOptions extends SamplingOptions {
  /** Strategy, in the place of `beams` and `temperature` with what belongs to it. `sample` then requires a seed. */
  readonly strategy?: Strategy | undefined;
  /** Sources decoded together. Default: 16. */
  readonly batchSize?: number | undefined;
  /**
   * Bias and penalties, in the place of the penalties one by one and of the model's own. The repetition penalty counts a decoder-only model's
   * source too, because it is part of the sequence.
   */
  readonly rules?: TokenRules | undefined;
  /**
   * Languages of sources and answers, as the tokenizer of a multilingual model names them: fra_Latn (NLLB), fr (M2M-100), fr_XX (mBART).
   * Default: the model's own.
   */
  readonly languages?: LanguagePair | undefined;
  /** Answers are JSON that this JSON Schema allows. Default: any text. */
  readonly jsonSchema?: unknown;
  /** Constraint on the answer to a source's text, as its state before the first token; made by `constrainTokens` of `@slm/generation`. */
  readonly constraint?: ((text: string) => TokenConstraint) | undefined;
  /**
   * Withhold answers with a lower confidence (0 to 1); `off`: withhold none. Default: the threshold in model.json, if there is one. Whether an
   * answer is withheld is known at its end, so with a threshold its text comes in one piece.
   */
  readonly abstain?: number | "off" | undefined;
  /**
   * Called with each new piece of a result's text; the pieces of a row add up to its text. `row` is the source's index in the caller's
   * list. With beam search all pieces come at the end.
   */
  readonly onToken?: ((row: number, piece: string) => void) | undefined;
  /** Stops between two tokens when it is aborted; the promise is rejected with an `SlmError` of code INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** One generated text. Times run from the start of the batch the source was decoded in, encoder included. */
export interface Generation {
  /** Without the stop sequence that ended it; empty if the answer is withheld. */
  readonly text: string;
  /** The model's probability of the whole answer, EOS included: 0 to 1. Longer answers tend to be less probable. */
  readonly confidence: number;
  /** Whether the answer is withheld because its confidence is below the threshold. */
  readonly abstained: boolean;
  /**
   * Log-probability of the tokens, EOS included, under the model itself: no temperature, penalty or constraint [nats].
   */
  readonly logProbability: number;
  /** Token ids without BOS and EOS. Tokens of a stop sequence are included. */
  readonly tokens: readonly number[];
  /** Time to first token: when the first logits were ready [ms]. */
  readonly firstTokenMs: number;
  /**
   * The part of it spent on reading, decoding and resizing the images of the batch and on the vision graph [ms]; only for
   * vision-language models. Short where image tokens were cached.
   */
  readonly imageMs?: number | undefined;
  /** End of the last step of this text [ms]. */
  readonly totalMs: number;
  /** End of each decoder run of this text [ms]. */
  readonly stepsMs: readonly number[];
  /**
   * Decode throughput: steps after the first, per second after the first token, so encoder and prefill do not count. For a text of a
   * single step, 1 / totalMs.
   */
  readonly tokensPerSecond: number;
  /** Whether it ended with EOS. */
  readonly finished: boolean;
  /** Why it ended: EOS, a stop sequence, `maxTokens` or `maxSeconds`. */
  readonly reason: EndReason;
}

/** A source and the answer to be scored; an empty answer is the EOS token alone. */
export interface ScoredPair {
  readonly source: Source;
  readonly answer: string;
}

/** Negative log-likelihood of an answer: the sum of -ln p(token | source, tokens before it) [nats], and the number of tokens. */
export interface Likelihood {
  readonly nats: number;
  /** EOS included. */
  readonly tokens: number;
}

export interface ScoreOptions {
  /** Pairs scored together. */
  readonly batchSize: number;
  /** Languages of sources and answers that name none. Default: the model's own. */
  readonly languages?: LanguagePair | undefined;
  readonly signal?: AbortSignal | undefined;
}
