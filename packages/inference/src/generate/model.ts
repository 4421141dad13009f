/** The one type of a model that is open: what every command, server worker, page and program of a user calls. */
import type { DeviceModel } from "@slm/exported-model";
import type { Speculation } from "@slm/generation";
import type { RuntimeDevice } from "@slm/runtime";
import type { TokenizerLanguages } from "@slm/tokenizer";
import type { Evaluation } from "../evaluate/evaluate-answers.js";
import type { EvaluationInput } from "../evaluate/evaluation-input.js";
import type { ImageEncoderOptions } from "../images/image-encoder.js";
import type { SpeculationPlan } from "../options/draft-tokens.js";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";

/** Rows to evaluate, metrics, and what becomes of the answers. */
export interface ModelEvaluation extends Omit<
  EvaluationInput,
  "generator" | "scorer" | "maker" | "constraint"
> {
  /** Answers are JSON that this JSON Schema allows. Default: any text. */
  readonly jsonSchema?: unknown;
}

/** How a model is opened. */
export interface OpenModelOptions extends ImageEncoderOptions, Speculation {
  /**
   * Prompt lookup decoding: the largest number of draft tokens, copied from the source and the answer, that one decoder run verifies.
   * The answers are the greedy ones, in fewer runs where text repeats. Texts are decoded one by one.
   */
  readonly promptLookup?: number | undefined;
  /**
   * Whether the model also scores given answers, with one copy of its weights. Tokens are then chosen from logits that cross to the host, and
   * nothing is drafted. Default: false.
   */
  readonly scores?: boolean | undefined;
  /** Texts that are usually decoded together: a small model decodes few on one thread, if the runtime's threads were not chosen. Default: 1. */
  readonly batchSize?: number | undefined;
  /** Closes what the model was opened with, such as its runtime and a temporary directory; called once, after its graphs are released. */
  readonly closes?: (() => Promise<void>) | undefined;
}

/** A model that is open on a device. Call {@link Model.close} when it is no longer needed. */
export interface Model {
  /** Directory with model.json, graphs and tokenizer; of a checkpoint and of a packed bundle a temporary one. */
  readonly directory: string;
  /** Contents of model.json. */
  readonly description: DeviceModel;
  /** The device that runs the model, whether it is simulated, and the requested device where that is another one. */
  readonly device: RuntimeDevice;
  /** Languages of a multilingual model; undefined for one that is told none. */
  readonly languages: TokenizerLanguages | undefined;
  /** Draft tokens that its runs verify, and why there are none. */
  readonly speculation: SpeculationPlan;
  /**
   * Answers one prompt. Calls may overlap; each has its own caches.
   *
   * @throws SlmError DATA_INVALID naming a source that is too long, holds an unknown symbol, or has an image where the model
   * reads text only, or none where it needs one; INPUT_MISSING or DATA_INVALID for an image that cannot be read; USAGE for invalid
   * options or languages that the model lacks, DATA_INVALID or OP_UNSUPPORTED for a JSON Schema that is not supported, INTERRUPTED when
   * `signal` fires between two steps.
   */
  generate(source: Source, options?: GenerateOptions): Promise<Generation>;
  /** Answers prompts in batches: one generation per source, in order. @throws SlmError as for one prompt */
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /**
   * Streams the answer to one prompt. The pieces add up to the text; leaving the loop early stops the generation.
   *
   * @throws SlmError as generate
   */
  stream(
    source: Source,
    options?: Omit<GenerateOptions, "onToken" | "batchSize">,
  ): AsyncGenerator<string, Generation>;
  /**
   * How probable given answers are: one likelihood per pair, in order. Calls must not overlap with each other or with `generate`.
   *
   * @throws SlmError DATA_INVALID naming a source or an answer that exceeds the model's limits; INTERRUPTED; UNEXPECTED for a model that was
   * not opened with `scores`
   */
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
  /**
   * Answers rows and computes the metrics over all of them; perplexity needs a model that was opened with `scores`.
   *
   * @throws SlmError as `generate`, `score` and `evaluateAnswers`
   */
  evaluate(input: ModelEvaluation): Promise<Evaluation>;
  /** Runs every graph once, so that the first real call is as fast as the others. */
  warmUp(): Promise<void>;
  /** Releases graphs, caches and what the model was opened with. A second call does nothing. */
  close(): Promise<void>;
}
