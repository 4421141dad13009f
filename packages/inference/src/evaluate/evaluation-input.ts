/** What an evaluation reads: rows with known answers, and what answers them. */
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

/** One question and every accepted answer to it; none, or an empty one, where the question has no answer. */
export interface EvaluationRow {
  readonly source: string;
  readonly references: readonly string[];
  /** The image that the question is about, and what the predictions call it. */
  readonly image?: { readonly name: string; readonly source: ImageSource };
  /** Columns by whose values metrics are reported too, and the row's value of each. */
  readonly slices?: Readonly<Record<string, string>> | undefined;
}

/** A text, and how probable the model finds it where that is known. */
export interface WrittenAnswer extends Pick<Generation, "text"> {
  /** See {@link Generation}. */
  readonly logProbability?: number | undefined;
}

/** What answers: a generator, or anything else that writes one text per source. */
export interface Answerer {
  generate(sources: readonly Source[], options: GenerateOptions): Promise<readonly WrittenAnswer[]>;
}

/** What says how probable given answers are: one likelihood per pair. */
export interface Scorer {
  score(pairs: readonly ScoredPair[], options: ScoreOptions): Promise<readonly Likelihood[]>;
}

/** What is done with every chunk of rows. */
export interface ChunkRequest {
  /** The first is the one that each row is scored by. Perplexity alone needs no answers, so none are generated. */
  readonly metrics: readonly EvaluationMetricName[];
  /** Sources decoded together. */
  readonly batchSize: number;
  /** How to answer: strategy, longest answer. Default: as the generator does, greedily. */
  readonly options?: Pick<GenerateOptions, "strategy" | "maxTokens" | "seed" | "languages"> | undefined;
}

/** What becomes of a chunk: one of each per row, or none where the metrics need none. */
export interface ChunkAnswers {
  readonly answers: readonly WrittenAnswer[];
  readonly likelihoods: readonly Likelihood[];
}

/** Rows that are answered together. The same rows in other chunks may give other last bits. */
export interface RowChunk {
  readonly number: number;
  readonly rows: readonly EvaluationRow[];
}

/** Answers chunks on other machines. */
export interface ChunkMaker {
  /**
   * Answers chunks, in any order, and hands what becomes of each to `accept`.
   *
   * @throws SlmError INTERRUPTED, and what generators and scorers throw
   */
  make(request: {
    readonly chunks: readonly RowChunk[];
    readonly request: ChunkRequest;
    readonly accept: (number: number, answers: ChunkAnswers) => void;
  }): Promise<void>;
}

export interface EvaluationInput extends ChunkRequest {
  /** Absent where a maker answers. */
  readonly generator?: Answerer | undefined;
  /** Needed for perplexity only. */
  readonly scorer?: Scorer | undefined;
  /** Constraint on the answer to a source's text; only here, not on other machines. Default: none. */
  readonly constraint?: GenerateOptions["constraint"];
  /** Answers on other machines. Default: here. */
  readonly maker?: ChunkMaker | undefined;
  readonly rows: AsyncIterable<EvaluationRow> | Iterable<EvaluationRow>;
  /** A threshold of confidence to report on, or how to choose one on these rows. Default: neither. */
  readonly abstention?: number | AbstentionOptions | undefined;
  /** Seed of the confidence intervals of metrics; none are computed when absent. */
  readonly intervalSeed?: number | undefined;
  /** Where to write one JSON line per row; nothing is written when absent. */
  readonly predictionsPath?: string | undefined;
  /** Number of rows, when known, for progress only. */
  readonly total?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}
