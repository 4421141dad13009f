/** Evaluates a model on the rows of a file. */
import type { StageContext } from "@slm/core";
import type { Strategy } from "@slm/decoding";
import { imageFolderOf, readFileRows, referencesOf, type FileSettings, type Row } from "@slm/data";
import {
  evaluateModel,
  type AbstentionOptions,
  loadScoringGenerator,
  type Evaluation,
  type EvaluationMetricName,
  type EvaluationRow,
} from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import { rowImage } from "./row-images.js";

/** Batch size: enough to use two cores, and small enough for batches of similar length. */
const BATCH_SIZE = 256;

export interface QualityRequest {
  /** Directory of an exported model. */
  readonly model: string;
  readonly rows: readonly EvaluationRow[];
  readonly metrics: readonly EvaluationMetricName[];
  /** Decoding strategy. Default: greedy. */
  readonly strategy?: Strategy | undefined;
  /** A threshold of confidence to report on, or how to choose one on the rows. */
  readonly abstention?: number | AbstentionOptions | undefined;
  readonly runtime: Runtime;
  readonly context: Pick<StageContext, "progress" | "signal">;
  /** Seed of the confidence intervals of metrics; none are computed when absent. */
  readonly intervalSeed?: number | undefined;
  /** File for one line of JSON per row. */
  readonly predictionsPath?: string;
}

/**
 * Rows of a file of any format with their references and images. A question without an answer has no reference; paths of images start from the
 * file's folder.
 *
 * @param limit uses the first rows only
 * @param settings how to read the file; see `rowSettingsFor`. Default: as rows of {source, target}.
 */
export async function readEvaluationRows(
  path: string,
  limit?: number,
  settings: FileSettings = {},
): Promise<readonly EvaluationRow[]> {
  const rows = await readFileRows(path, settings);
  const folder = settings.images ?? imageFolderOf(path);
  return rows.slice(0, limit).map((row) => evaluationRow(row, folder));
}

function evaluationRow(row: Row, folder: string): EvaluationRow {
  const { source, image } = row;
  const asked = { source, references: referencesOf(row) };
  return image === undefined ? asked : { ...asked, image: { name: image, source: rowImage(folder, image) } };
}

/**
 * Answers every row, scores its first reference if perplexity is asked for, and computes the metrics.
 *
 * @throws SlmError as evaluateModel and loadScoringGenerator
 */
export async function measureQuality(request: QualityRequest): Promise<Evaluation> {
  const { model, rows, metrics, strategy, abstention, runtime, context, predictionsPath, intervalSeed } =
    request;
  const generator = await loadScoringGenerator(model, runtime);
  try {
    return await evaluateModel({
      generator,
      scorer: generator,
      rows,
      metrics,
      // Every beam takes a row of the batch.
      batchSize: strategy?.kind === "beam" ? Math.ceil(BATCH_SIZE / strategy.beams) : BATCH_SIZE,
      abstention,
      options: strategy === undefined ? undefined : { strategy },
      total: rows.length,
      progress: context.progress,
      signal: context.signal,
      predictionsPath,
      intervalSeed,
    });
  } finally {
    await generator.close();
  }
}
