import type { DeviceModel } from "@slm/exported-model";
import type { EndReason, Strategy, TokenConstraint, TokenRules } from "@slm/decoding";
import type { ImageSource } from "@slm/vision";

/** What a model is asked: a text, of a vision-language model about an image. */
export type Source = string | ImagePrompt;

export interface ImagePrompt {
  /** Default: what model.json says is asked where an image comes alone. */
  readonly text?: string | undefined;
  readonly image?: ImageSource | undefined;
}

export interface GenerateOptions {
  /** Default greedy. */
  readonly strategy?: Strategy | undefined;
  /** Most tokens of a result, the ending one included. Default: what the model's cache holds. */
  readonly maxTokens?: number | undefined;
  /** Sources that are decoded together. Default 16. */
  readonly batchSize?: number | undefined;
  /**
   * Seed of the strategy `sample`, which needs one. A source draws numbers of its own, from the seed plus its place, so
   * its text does not depend on what shares its batch.
   */
  readonly seed?: number | undefined;
  /** Bias and penalties. The repetition penalty counts a decoder-only model's source too, as it reads it as its own text. */
  readonly rules?: TokenRules | undefined;
  /** What every text must be, as its state before the first token: `constrainTokens` of `@slm/decoding` makes one. */
  readonly constraint?: TokenConstraint | undefined;
  /**
   * Sequences that end a text, which stops before the first of them. They may begin and end within tokens. With beams, a
   * beam that holds one is complete.
   */
  readonly stop?: readonly string[] | undefined;
  /**
   * Time for a batch of sources, encoding included [ms]. The step in progress when it is up is the last, so it takes a
   * little longer. Source: Hugging Face `MaxTimeCriteria`.
   */
  readonly maxTimeMs?: number | undefined;
  /**
   * Called with each new piece of a result's text; the pieces of a row add up to its text. `row` is the source's place
   * in the caller's list. Beam search knows its result only at the end, so its pieces come then.
   */
  readonly onToken?: ((row: number, piece: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One generated text. Times run from the start of the batch the source was decoded in, encoder included. */
export interface Generation {
  /** Without the stop sequence that ended it. */
  readonly text: string;
  /** Ids without the beginning and ending tokens; those that spell a stop sequence are among them. */
  readonly tokens: readonly number[];
  /** When the first next-token probabilities were there [ms]. */
  readonly firstTokenMs: number;
  /**
   * Of it reading the images of the batch, decoding and resizing them, and the vision graph [ms]; only of a vision-language model.
   * Little where the tokens of an image were kept from an earlier question.
   */
  readonly imageMs?: number | undefined;
  /** When the last step of this text was done [ms]. */
  readonly totalMs: number;
  /** When each run of the decoder was done that this text needed, the first and the last among them [ms]. */
  readonly stepsMs: readonly number[];
  /**
   * Steps after the first per second after the first token, so the encoder and the prompt do not count.
   * A text of a single step has no such rate; it gets 1 / totalMs.
   */
  readonly tokensPerSecond: number;
  /** Whether the model ended it. */
  readonly finished: boolean;
  /** What ended it: the model, a stop sequence, `maxTokens` or `maxTimeMs`. */
  readonly reason: EndReason;
}

/** A model that is loaded and ready. Calls may overlap; each has caches of its own. */
export interface Generator {
  readonly model: DeviceModel;
  /**
   * One generation per source, in the order of the sources.
   *
   * @throws SlmError DATA_INVALID naming a source that is too long, holds an unknown symbol, or has an image where the model
   * reads text only, or none where it needs one; INPUT_MISSING or DATA_INVALID for an image that cannot be read; USAGE for
   * options that cannot be followed, INTERRUPTED when `signal` fires between two steps.
   */
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /** Runs every graph once, so that the first real call is as fast as the others. */
  warmUp(): Promise<void>;
  /** Gives back graphs and caches; the runtime stays open. */
  close(): Promise<void>;
}
