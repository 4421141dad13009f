/** Inputs of an evaluation: rows with known answers, and the answerer. */
import type { Progress } from "@slm/core";
import type { AbstentionOptions } from "./abstention.js";
import type { ImageSource } from "@slm/vision";
import type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "../options/types.js";
import type { EvaluationMetricName } from "./metric-names.js";

/** One question and all accepted answers to it. If the question has no answer, the list is empty or contains an empty text. */
export interface EvaluationRow {
  readonly source: string;
  readonly references: readonly string[];
  /** The image that the question is about, and its name in the predictions. */
  readonly image?: { readonly name: string; readonly source: ImageSource };
  /** Columns to report metrics by, and the row's value of each. */
  readonly slices?: Readonly<Record<string, string>> | undefined;
}

/** A text, and the model's probability of it, if known. */
export interface WrittenAnswer extends Pick<Generation, "text"> {
  /** See {@link Generation}. */
  readonly logProbability?: number | undefined;
}

/** Answers sources: a generator, or anything else that returns one text per source. */
export interface Answerer {
  generate(sources: readonly Source[], options: GenerateOptions): Promise<readonly WrittenAnswer[]>;
}

/** Scores given answers: one likelihood per pair. */
export interface Scorer {
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
}

/** How every chunk of rows is processed. */
export interface ChunkRequest {
  /** The first metric is also computed for each row. Perplexity alone needs no answers, so none are generated. */
  readonly metrics: readonly EvaluationMetricName[];
  /** Number of sources decoded together. */
  readonly batchSize: number;
  /** How to answer, such as strategy and maximum length. Default: the generator's defaults, greedy. */
  readonly options?: Pick<GenerateOptions, "strategy" | "maxTokens" | "seed" | "languages"> | undefined;
}

/** The results of a chunk: one of each per row, or none if the metrics need none. */
export interface ChunkAnswers {
  readonly answers: readonly WrittenAnswer[];
  readonly likelihoods: readonly Likelihood[];
}

/** Rows that are answered together. Other chunks of the same rows may change the last bits of the results. */
export interface RowChunk {
  readonly number: number;
  readonly rows: readonly EvaluationRow[];
}

/** Answers chunks in several threads. */
export interface ChunkMaker {
  /**
   * Answers chunks in any order, and passes the results of each to `accept`.
   *
   * @throws SlmError INTERRUPTED, and the errors of generators and scorers
   */
  make(request: {
    readonly chunks: readonly RowChunk[];
    readonly request: ChunkRequest;
    readonly accept: (number: number, answers: ChunkAnswers) => void;
  }): Promise<void>;
}

export interface EvaluationInput extends ChunkRequest {
  /** Absent if there is a maker. */
  readonly generator?: Answerer | undefined;
  /** Needed only for perplexity. */
  readonly scorer?: Scorer | undefined;
  /** Constraint on the answer to a source's text; not supported with a maker. Default: none. */
  readonly constraint?: GenerateOptions["constraint"];
  /** Answers in several threads. Default: the generator, in this one. */
  readonly maker?: ChunkMaker | undefined;
  readonly rows: AsyncIterable<EvaluationRow> | Iterable<EvaluationRow>;
  /** A confidence threshold to report on, or how to choose one on these rows. Default: neither. */
  readonly abstention?: number | AbstentionOptions | undefined;
  /** Seed of the confidence intervals of metrics; absent: none are computed. */
  readonly intervalSeed?: number | undefined;
  /** Where to write one JSON line per row; absent: nothing is written. */
  readonly predictionsPath?: string | undefined;
  /** Number of rows, if known; only for progress. */
  readonly total?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}
