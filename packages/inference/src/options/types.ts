import type { DeviceModel } from "@slm/exported-model";
import type { DraftPlan } from "./draft-tokens.js";
import type { EndReason, Strategy, TokenConstraint, TokenRules } from "@slm/generation";
import type { LanguagePair, TokenizerLanguages } from "@slm/tokenizer";
import type { ImageSource } from "@slm/vision";

/** A prompt: a text, for a vision-language model an image, and for a multilingual one perhaps languages. */
export type Source = string | FullPrompt;

interface FullPrompt {
  /** Default: the default prompt of model.json. */
  readonly text?: string | undefined;
  readonly image?: ImageSource | undefined;
  /** Languages of this source and its answer, in the place of those of the options. */
  readonly languages?: LanguagePair | undefined;
}

export interface GenerateOptions {
  /** Default: the model's own; greedy if it has none. */
  readonly strategy?: Strategy | undefined;
  /** Largest number of tokens of a result, EOS included. Default: the model's own; the capacity of its cache if it has none. */
  readonly maxTokens?: number | undefined;
  /** Batch size: sources decoded together. Default 16. */
  readonly batchSize?: number | undefined;
  /**
   * Seed of the strategy `sample`, which requires one. Each source has its own random generator, seeded by this plus its index, so its
   * text does not depend on the rest of the batch.
   */
  readonly seed?: number | undefined;
  /** Bias and penalties, in the place of the model's own. The repetition penalty counts a decoder-only model's source too, because it is part of the sequence. */
  readonly rules?: TokenRules | undefined;
  /** Languages of sources and answers, for a multilingual model. Default: the model's own. */
  readonly languages?: LanguagePair | undefined;
  /** Constraint on the answer to a source's text, as its state before the first token; made by `constrainTokens` of `@slm/generation`. */
  readonly constraint?: ((text: string) => TokenConstraint) | undefined;
  /**
   * Stop sequences. A text ends before the first of them. They may begin and end within tokens. In beam search, a beam that contains
   * one is complete.
   */
  readonly stop?: readonly string[] | undefined;
  /**
   * Time limit for a batch of sources, encoding included [ms]. The step in progress is finished, so a batch may take slightly longer.
   * Source: Hugging Face `MaxTimeCriteria`.
   */
  readonly maxTimeMs?: number | undefined;
  /**
   * Called with each new piece of a result's text; the pieces of a row add up to its text. `row` is the source's index in the caller's
   * list. With beam search all pieces come at the end.
   */
  readonly onToken?: ((row: number, piece: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One generated text. Times run from the start of the batch the source was decoded in, encoder included. */
export interface Generation {
  /** Without the stop sequence that ended it. */
  readonly text: string;
  /**
   * Log-probability of the tokens, EOS included, under the model itself: no temperature, penalty or constraint [nats].
   * `confidenceOf` makes a probability of it.
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
  /** Why it ended: EOS, a stop sequence, `maxTokens` or `maxTimeMs`. */
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

/** An exported model that is open on a runtime. */
export interface Model {
  readonly model: DeviceModel;
  /** Languages of a multilingual model; undefined for one that is told none. */
  readonly languages: TokenizerLanguages | undefined;
  /** Draft tokens that its runs verify, and why there are none. */
  readonly drafts: DraftPlan;
  /**
   * One generation per source, in the order of the sources. Calls may overlap; each has its own caches.
   *
   * @throws SlmError DATA_INVALID naming a source that is too long, holds an unknown symbol, or has an image where the model
   * reads text only, or none where it needs one; INPUT_MISSING or DATA_INVALID for an image that cannot be read; USAGE for invalid
   * options or languages that the model lacks, INTERRUPTED when `signal` fires between two steps.
   */
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /**
   * How probable given answers are: one likelihood per pair, in order. Calls must not overlap with each other or with `generate`.
   *
   * @throws SlmError DATA_INVALID naming a source or an answer that exceeds the model's limits; INTERRUPTED; UNEXPECTED for a model that was
   * not opened with `scores`
   */
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
  /** Runs every graph once, so that the first real call is as fast as the others. */
  warmUp(): Promise<void>;
  /** Releases graphs and caches; the runtime stays open. */
  close(): Promise<void>;
}
