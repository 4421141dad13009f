/** Evaluates a model on the rows of a file. */
import type { StageContext } from "@slm/core";
import type { Strategy } from "@slm/generation";
import { compileModule } from "@slm/c-export/portable";
import {
  evaluateAnswers,
  openPortableModel,
  type AbstentionOptions,
  type Evaluation,
  type EvaluationInput,
  type EvaluationMetricName,
  type EvaluationRow,
} from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import type { LanguagePair } from "@slm/tokenizer";
import { openPrepared } from "../open/open-prepared.js";
import { answerThreads } from "@slm/inference/threads";

/** Batch size: large enough to use two cores, small enough for batches of similar length. */
const BATCH_SIZE = 256;
/** The same for a portable form, which answers one row at a time: small enough to divide rows evenly among threads. */
const PORTABLE_BATCH_SIZE = 8;

export interface QualityRequest {
  /** Directory of an exported model. */
  readonly model: string;
  readonly rows: readonly EvaluationRow[];
  readonly metrics: readonly EvaluationMetricName[];
  /** Decoding strategy. Default: greedy. */
  readonly strategy?: Strategy | undefined;
  /** Languages of sources and answers. Default: the languages of the model. */
  readonly languages?: LanguagePair | undefined;
  /** JSON Schema that every answer must follow. Default: none. */
  readonly jsonSchema?: unknown;
  /** A confidence threshold to report on, or how to choose one on the rows. */
  readonly abstention?: number | AbstentionOptions | undefined;
  /** Runs the graphs. Undefined: the portable form runs, without a runtime. */
  readonly runtime: Runtime | undefined;
  /** Threads that answer if there is no runtime. Default: one for each processor, if there is enough to do. */
  readonly threads?: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
  /** Seed of the metrics' confidence intervals. Default: no intervals are computed. */
  readonly intervalSeed?: number | undefined;
  /** File for one line of JSON per row. */
  readonly predictionsPath?: string;
}

/**
 * Answers every row, scores its first reference if perplexity is requested, and computes the metrics.
 *
 * @throws SlmError as `evaluateAnswers` and openModel
 */
export async function measureQuality(request: QualityRequest): Promise<Evaluation> {
  const { model, rows, metrics, strategy, languages, abstention, runtime, context } = request;
  const { predictionsPath, intervalSeed, jsonSchema, threads } = request;
  const most = runtime === undefined ? PORTABLE_BATCH_SIZE : BATCH_SIZE;
  const asked = {
    rows,
    metrics,
    // Every beam uses a row of the batch.
    batchSize: strategy?.kind === "beam" ? Math.ceil(most / strategy.beams) : most,
    abstention,
    options: { strategy, languages },
    total: rows.length,
    progress: context.progress,
    signal: context.signal,
    predictionsPath,
    intervalSeed,
  };
  if (runtime === undefined && jsonSchema === undefined) return measurePortable(model, asked, threads);
  const opened = await openPrepared(model, runtime, { batchSize: asked.batchSize });
  try {
    return await opened.evaluate({ ...asked, jsonSchema });
  } finally {
    await opened.close();
  }
}

/** Measures the portable form, in several threads if that is worth their start. */
async function measurePortable(
  model: string,
  asked: EvaluationInput,
  threads: number | undefined,
): Promise<Evaluation> {
  const module = await compileModule();
  const opened = await openPortableModel(model, { module });
  try {
    const maker = answerThreads({ model: opened, module, threads, signal: asked.signal });
    return await evaluateAnswers({ ...asked, maker });
  } finally {
    await opened.close();
  }
}
