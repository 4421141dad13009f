/** The one type of an open model, which every command, server worker, page and user program calls. */
import type { DeviceModel } from "@slm/exported-model";
import type { RuntimeDevice } from "@slm/runtime";
import type { TokenizerLanguages } from "@slm/tokenizer";
import type { Evaluation } from "../evaluate/evaluate-answers.js";
import type { EvaluationInput } from "../evaluate/evaluation-input.js";
import type { ImageEncoderOptions } from "../images/image-encoder.js";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";

/** Rows to evaluate, metrics, and where the results go. */
export interface ModelEvaluation extends Omit<
  EvaluationInput,
  "generator" | "scorer" | "maker" | "constraint"
> {
  /** Restricts answers to JSON that this JSON Schema allows. Default: any text. */
  readonly jsonSchema?: unknown;
}

/** Options for opening a model. */
export interface GraphModelOptions extends ImageEncoderOptions {
  /**
   * Number of texts that are usually decoded together. A small model that decodes few texts runs on one thread, unless you chose the runtime's
   * threads. Default: 1.
   */
  readonly batchSize?: number | undefined;
  /**
   * Closes the resources that were created for the model, such as its runtime and a temporary directory. Called once, after its graphs are released.
   */
  readonly closes?: (() => Promise<void>) | undefined;
}

/** An open model on a device. Call {@link Model.close} when you no longer need it. */
export interface Model {
  /** Directory with model.json, graphs and tokenizer. For a checkpoint or a packed bundle it is temporary. */
  readonly directory: string;
  /** Contents of model.json. */
  readonly description: DeviceModel;
  /** The device that runs the model, whether it is simulated, and the requested device if it is a different one. */
  readonly device: RuntimeDevice;
  /** Languages of a multilingual model; undefined if the model takes no language. */
  readonly languages: TokenizerLanguages | undefined;
  /**
   * Answers one prompt. Calls may overlap, because each has its own caches.
   *
   * @throws SlmError DATA_INVALID if a source is too long, contains an unknown symbol, has an image that a text-only model cannot read, or lacks an
   * image that the model needs; INPUT_MISSING or DATA_INVALID if an image cannot be read; USAGE for invalid options or unsupported languages;
   * DATA_INVALID or OP_UNSUPPORTED for an unsupported JSON Schema; INTERRUPTED if `signal` fires between two steps.
   */
  generate(source: Source, options?: GenerateOptions): Promise<Generation>;
  /** Answers prompts in batches: one generation per source, in order. @throws SlmError as for one prompt */
  generate(sources: readonly Source[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /**
   * Streams the answer to one prompt. The concatenated pieces are the text. Leaving the loop early stops the generation.
   *
   * @throws SlmError as generate
   */
  stream(
    source: Source,
    options?: Omit<GenerateOptions, "onToken" | "batchSize">,
  ): AsyncGenerator<string, Generation>;
  /**
   * Scores given answers: one likelihood per pair, in order. The answers are fed to the decoder, and nothing is generated.
   *
   * @throws SlmError DATA_INVALID for a source or an answer that exceeds the model's limits, or for an answer with probability zero; INTERRUPTED
   */
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
  /**
   * Answers rows and computes metrics over all of them.
   *
   * @throws SlmError as `generate`, `score` and `evaluateAnswers`
   */
  evaluate(input: ModelEvaluation): Promise<Evaluation>;
  /** Runs every graph once, so that the first real call is as fast as later ones. */
  warmUp(): Promise<void>;
  /** Releases the graphs, the caches and the resources that were created for the model. A second call does nothing. */
  close(): Promise<void>;
}
