/** Evaluates a model on the rows of a file. */
import type { StageContext } from "@slm/core";
import type { Strategy } from "@slm/generation";
import { compileModule } from "@slm/c-export/portable";
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
import { openOn } from "./open-on.js";
import { rowImage } from "./row-images.js";

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
 * Rows of a file of any supported format, with their references and images. A question without an answer has no reference. Image paths are
 * relative to the file's folder.
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
 * The same rows with the values of the columns by which metrics are also reported.
 *
 * @param columns names of columns at the top level
 * @throws SlmError as {@link readEvaluationRows}; USAGE for a column that does not exist in any record
 */
export async function readSlicedRows(
  path: string,
  columns: readonly string[],
  limit?: number,
  settings: FileSettings = {},
): Promise<readonly EvaluationRow[]> {
  if (columns.length === 0) return readEvaluationRows(path, limit, settings);
  // Rows in slm's own format cannot have further keys, unless the settings name the source column.
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
      `--slice ${unknown}: ${path} has no column '${unknown}'; its columns are ${there.join(", ")}`,
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
  const opened = await openOn(model, runtime, { scores: true });
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
  const { answerThreads } = await import("@slm/inference/threads");
  const module = await compileModule();
  const opened = await openPortableModel(model, { module, scores: true });
  try {
    const maker = answerThreads({ model: opened, module, threads, signal: asked.signal });
    return await evaluateAnswers({ ...asked, maker });
  } finally {
    await opened.close();
  }
}
