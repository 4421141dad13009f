/** Evaluates a model on the rows of a file. */
import type { StageContext } from "@slm/core";
import type { Strategy } from "@slm/generation";
import { SlmError } from "@slm/core/errors";
import {
  imageFolderOf,
  readFileRows,
  referencesOf,
  scanPrompts,
  type FileSettings,
  type Row,
} from "@slm/data";
import {
  describeModel,
  evaluateAnswers,
  type AbstentionOptions,
  type ChunkMaker,
  openModel,
  schemaConstraint,
  type Evaluation,
  type EvaluationMetricName,
  type EvaluationRow,
} from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import type { LanguagePair } from "@slm/tokenizer";
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
  /** Languages of sources and answers. Default: the model's own. */
  readonly languages?: LanguagePair | undefined;
  /** JSON Schema that every answer follows; not together with a maker. Default: none. */
  readonly jsonSchema?: unknown;
  /** A threshold of confidence to report on, or how to choose one on the rows. */
  readonly abstention?: number | AbstentionOptions | undefined;
  readonly runtime: Runtime;
  /** Answers on other machines. Default: this runtime. */
  readonly maker?: ChunkMaker | undefined;
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
 * The same rows with the values of some columns of their records, by which metrics are reported too.
 *
 * @param columns names of columns; of nested ones none
 * @throws SlmError as {@link readEvaluationRows}; USAGE for a column that no record has
 */
export async function readSlicedRows(
  path: string,
  columns: readonly string[],
  limit?: number,
  settings: FileSettings = {},
): Promise<readonly EvaluationRow[]> {
  if (columns.length === 0) return readEvaluationRows(path, limit, settings);
  // Rows as slm writes them may have no further keys, unless the settings name the column of the source.
  const isMapped = settings.fields !== undefined || settings.template !== undefined;
  const mapped = isMapped ? settings : { ...settings, fields: { source: "source" } };
  // Rows and records are matched by their order, so no record may be left out.
  const rows = await readEvaluationRows(path, limit, { ...mapped, maxRejected: undefined });
  const records: Readonly<Record<string, unknown>>[] = [];
  for await (const prompt of scanPrompts(path, mapped)) {
    if ("columns" in prompt) records.push(prompt.columns);
    if (records.length === rows.length) break;
  }
  const unknown = columns.find((column) => records.every((record) => record[column] === undefined));
  if (unknown !== undefined) {
    const there = [...new Set(records.flatMap((record) => Object.keys(record)))];
    throw new SlmError(
      "USAGE",
      `--slice ${unknown}: no column '${unknown}' in ${path}; there are ${there.join(", ")}`,
      {
        context: { column: unknown, columns: there },
        suggestions: there.map((column) => `--slice ${column}`).slice(0, 3),
      },
    );
  }
  return rows.map((row, index) => ({
    ...row,
    slices: Object.fromEntries(columns.map((column) => [column, valueText(records[index]?.[column])])),
  }));
}

/** A value as the name of a slice. */
function valueText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value.trim() : JSON.stringify(value);
}

/**
 * Answers every row, scores its first reference if perplexity is asked for, and computes the metrics.
 *
 * @throws SlmError as `evaluateAnswers` and openModel
 */
export async function measureQuality(request: QualityRequest): Promise<Evaluation> {
  const { model, rows, metrics, strategy, languages, abstention, runtime, maker, context } = request;
  const { predictionsPath, intervalSeed, jsonSchema } = request;
  const asked = {
    rows,
    metrics,
    // Every beam takes a row of the batch.
    batchSize: strategy?.kind === "beam" ? Math.ceil(BATCH_SIZE / strategy.beams) : BATCH_SIZE,
    abstention,
    options: { strategy, languages },
    total: rows.length,
    progress: context.progress,
    signal: context.signal,
    predictionsPath,
    intervalSeed,
  };
  if (maker !== undefined) {
    const constraint =
      jsonSchema === undefined ? undefined : schemaConstraint(jsonSchema, await describeModel(model));
    return evaluateAnswers({ ...asked, maker, constraint });
  }
  const opened = await openModel(model, runtime, { scores: true });
  try {
    return await opened.evaluate({ ...asked, jsonSchema });
  } finally {
    await opened.close();
  }
}
