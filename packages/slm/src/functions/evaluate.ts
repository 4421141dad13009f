/** Runs a model or a teacher on the rows of a file, and computes metrics of its answers. */
import { SlmError } from "@slm/core/errors";
import { contextOf, type WorkOptions } from "@slm/core/work";
import type { FileSettings } from "@slm/data";
import { beamSearch, portableDevice, type Evaluation } from "@slm/inference";
import type { Compute } from "@slm/models/compute";
import { engineFor, type DeviceRequest } from "@slm/models/devices";
import { deviceNotes, type RuntimeDevice } from "@slm/runtime";
import type { LanguagePair } from "@slm/tokenizer";
import { closing } from "@slm/core";
import { prepareModels } from "@slm/models/open";
import { readSchema } from "@slm/models/prompts";
import {
  choosePredictionsFile,
  measureQuality,
  measureTeacher,
  parseEvaluationMetrics,
} from "@slm/models/quality";
import { readEvaluationRows, readSlicedRows, rowSettingsFor } from "@slm/models/rows";
import { usualMetrics } from "../runs/usual-metrics.js";
import { parseThreshold } from "@slm/models/abstain";
import { withEngine } from "@slm/models/engines";

export { describeMetrics } from "@slm/models/quality";

/** The rows, and what to measure on them. */
interface EvaluationOptions extends WorkOptions {
  /** File of rows, in any format. */
  readonly data: string;
  /** How to read the file. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  /** Uses the first rows only. Default: all. */
  readonly limit?: number | undefined;
  /** Comma-separated names. Default: those that the model's run measured. */
  readonly metrics?: string | undefined;
  /** Beams of the search. Default: greedy decoding. */
  readonly beams?: number | undefined;
  /** File for one line of JSON per row. Default: predictions.jsonl. */
  readonly output?: string | undefined;
}

export interface EvaluateOptions extends EvaluationOptions, DeviceRequest {
  readonly languages?: LanguagePair | undefined;
  /** File with the JSON Schema that every answer must follow. */
  readonly jsonSchema?: string | undefined;
  /** A confidence threshold to report on, or `choose`. */
  readonly abstain?: string | undefined;
  /** Columns by which metrics are also reported. */
  readonly slices?: readonly string[] | undefined;
}

export interface EvaluatedModel extends Evaluation {
  /** File with one line per row and its score by the first metric. */
  readonly predictions: string;
  /** The device that ran the model, whether it was simulated, and the requested device if it was another one. */
  readonly device: RuntimeDevice;
}

/** Fixed, so that the same rows give the same intervals. */
const INTERVAL_SEED = 1;

/**
 * Evaluates any MODEL.
 *
 * @throws SlmError USAGE for an unknown metric or threshold; as opening the model and reading the rows
 */
export async function evaluate(model: string, options: EvaluateOptions): Promise<EvaluatedModel> {
  const {
    data,
    rows: given,
    limit,
    beams,
    languages,
    slices = [],
    engine,
    device,
    soc,
    fallback,
    threads,
  } = options;
  const metrics =
    options.metrics === undefined ? await usualMetrics(model) : parseEvaluationMetrics(options.metrics);
  const abstention = abstentionOf(options.abstain);
  const jsonSchema = options.jsonSchema === undefined ? undefined : await readSchema(options.jsonSchema);
  const { progress, signal, note } = contextOf(options);
  const predictions = await choosePredictionsFile(options.output, note);
  const request = { engine, device, soc, fallback, threads };
  const opened = await prepareModels([model], { ...request, progress, signal });
  return closing(opened, async () => {
    const [directory = ""] = opened.directories;
    const settings = await rowSettingsFor({ file: data, model: directory, needed: "rows", given });
    const rows = await readSlicedRows(data, slices, limit, settings);
    // A portable form also uses several threads here.
    const chosen = engineFor(opened.descriptions[0]!, { ...request, threads: undefined });
    const runtime = chosen.engine === "wasm" ? undefined : (await opened.openDevice()).runtime;
    const evaluation = await measureQuality({
      model: directory,
      rows,
      metrics,
      strategy: beams === undefined ? undefined : beamSearch(beams),
      languages,
      jsonSchema,
      abstention,
      runtime,
      threads,
      context: { progress, signal },
      predictionsPath: predictions,
      intervalSeed: INTERVAL_SEED,
    });
    const used = runtime?.device ?? portableDevice(chosen.reason);
    for (const text of deviceNotes(used)) note(text);
    return { ...evaluation, predictions, device: used };
  });
}

/** The value of `--abstain`. @throws SlmError USAGE */
function abstentionOf(flag: string | undefined): number | object | undefined {
  if (flag === undefined) return undefined;
  if (flag === "choose") return {};
  const threshold = parseThreshold(flag);
  if (typeof threshold === "number") return threshold;
  throw new SlmError("USAGE", `--abstain: expected a confidence from 0 to 1, or choose, got ${flag}`);
}

export interface EvaluateTeacherOptions extends EvaluationOptions, Compute {
  readonly metrics: string;
}

export interface EvaluatedTeacher extends Evaluation {
  readonly parameters: number;
  /** File with one line per row and its score by the first metric. */
  readonly predictions: string;
}

/**
 * Evaluates a teacher: a checkpoint, an ONNX decoder or an ensemble.
 *
 * @throws SlmError as `measureTeacher`, and from reading the rows
 */
export async function evaluateTeacher(
  teacher: string,
  options: EvaluateTeacherOptions,
): Promise<EvaluatedTeacher> {
  const { beams } = options;
  const metrics = parseEvaluationMetrics(options.metrics);
  const rows = await readEvaluationRows(options.data, options.limit, options.rows);
  const context = contextOf(options);
  const predictions = await choosePredictionsFile(options.output, context.note);
  const measured = await withEngine(options, (engine) =>
    measureTeacher({
      directory: teacher,
      rows,
      metrics,
      engine,
      context,
      predictionsPath: predictions,
      strategy: beams === undefined ? { kind: "greedy" } : beamSearch(beams),
    }),
  );
  return { ...measured, predictions };
}
