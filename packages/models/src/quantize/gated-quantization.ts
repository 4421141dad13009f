/** Quantizes a model, then measures its gate and its speed. */
import type { StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { FileSettings } from "@slm/data";
import type { SchemeName } from "@slm/devices";
import { readDeviceModel } from "@slm/exported-model";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, type MetricName } from "@slm/metrics";
import {
  checkGate,
  gateIn,
  parseGate,
  quantizeDirectory,
  modelDivergence,
  type GateResult,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { readEvaluationRows } from "../rows/evaluation-rows.js";
import { rowSettingsFor } from "../rows/row-settings.js";
import { DIVERGENCE, QualityGate, requireMetric } from "./quality-gate.js";

/** A gate and the rows that it is measured on. The divergence is measured on calibration rows instead. */
export type GateRequest =
  | { readonly metric: MetricName; readonly maxDrop: number; readonly rows: readonly EvaluationRow[] }
  | { readonly metric: typeof DIVERGENCE; readonly maxDrop: number };

/** Result of a quantization under a gate. */
export interface GatedQuantization {
  /** Null without a gate. */
  readonly gate: GateResult | null;
  /** Rows answered per second by the float32 export and by what runs now; null if no rows were answered. */
  readonly speed: { readonly before: number; readonly after: number } | null;
  /** KL divergence between the next-token distributions of the float32 model and this one; null without calibration rows [nats per token]. */
  readonly divergence: number | null;
}

/**
 * The gate of `--gate`, `--data` and `--limit`; undefined without `--gate`.
 *
 * @throws SlmError USAGE for a malformed gate, an unknown metric, or no rows to measure on; INPUT_MISSING or DATA_INVALID for the rows
 */
export async function readGateRequest(flags: {
  readonly gate?: string | undefined;
  readonly calibration?: string | undefined;
  /** Default: the calibration rows. */
  readonly data?: string | undefined;
  readonly rows?: FileSettings | undefined;
  readonly limit?: number | undefined;
  readonly scheme: SchemeName;
  /** Directory of the exported model. */
  readonly model: string;
}): Promise<GateRequest | undefined> {
  const { gate, calibration, data = calibration, limit, model, scheme, rows: given } = flags;
  if (gate === undefined) return undefined;
  const written = parseGate(gate);
  const { maxDrop } = written;
  if (written.metric === DIVERGENCE) {
    if (written.unit === "points")
      throw usage(gate, "expected a limit in nats, without a sign, got points", `${DIVERGENCE}:0.01`);
    if (calibration === undefined)
      throw usage(gate, "expected --calibration, got none", `${gate} --calibration ROWS.jsonl`);
    if (scheme === "int8")
      throw usage(gate, "scheme int8 has no graphs to compare", "wer:+1 --data ROWS.jsonl");
    const { target } = await readDeviceModel(model);
    if (target === "cpu") return { metric: DIVERGENCE, maxDrop };
    throw usage(gate, `expected an export for cpu, got one for ${target}`, "wer:+1 --data ROWS.jsonl");
  }
  const metric = requireMetric(written.metric);
  if (data === undefined)
    throw usage(
      gate,
      "expected --data or --calibration with rows to measure on, got none",
      `${gate} --data ROWS.jsonl`,
    );
  const settings = await rowSettingsFor({ file: data, model, needed: "rows", given });
  const rows = await readEvaluationRows(data, limit, settings);
  return { metric, maxDrop: gateIn(METRICS[metric].unit, written).maxDrop, rows };
}

const usage = (gate: string, problem: string, suggestion: string): SlmError =>
  new SlmError("USAGE", `--gate ${gate}: ${problem}`, { suggestions: [`--gate ${suggestion}`] });

interface GatedQuantizationRequest {
  /** `modelDirectory` is the float32 model, `outputDirectory` the quantized model. */
  readonly options: QuantizeDirectoryOptions;
  readonly gate: GateRequest | undefined;
  readonly runtime: Runtime;
  /** Threads that answer with a portable form. Default: one per CPU core. */
  readonly threads?: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** Quantizes, then measures both models if there is a gate. A failed gate is a result, not an error. */
export async function quantizeWithGate(
  request: GatedQuantizationRequest,
): Promise<QuantizeReport & GatedQuantization> {
  const { gate, options } = request;
  const report = await quantizeDirectory(options);
  const divergence = await divergenceOf(options);
  if (gate === undefined) return { ...report, gate: null, speed: null, divergence };
  if (gate.metric === DIVERGENCE)
    return { ...report, gate: divergenceGate(gate.maxDrop, divergence), speed: null, divergence };
  const quality = new QualityGate({ ...request, gate, rows: gate.rows, float32: options.modelDirectory });
  const measured = await quality.quantized(options.scheme, options.outputDirectory);
  return { ...report, gate: measured.gate, speed: await quality.speed(measured), divergence };
}

/** KL divergence of the next token from the float32 model's [nats per token]; null if it is not measured. */
async function divergenceOf(options: QuantizeDirectoryOptions): Promise<number | null> {
  const { calibration, modelDirectory, outputDirectory } = options;
  if (calibration === undefined) return null;
  const model = await readDeviceModel(modelDirectory);
  if (model.target !== "cpu") return null; // The graphs have different inputs.
  const quantized = await readDeviceModel(outputDirectory);
  if (quantized.graphs.decoder === undefined) return null; // Only graphs give logits.
  const changed = { directory: outputDirectory, model: quantized };
  return modelDivergence({ directory: modelDirectory, model }, changed, calibration);
}

const divergenceGate = (maxDrop: number, divergence: number | null): GateResult =>
  checkGate({ metric: DIVERGENCE, maxDrop, before: 0, after: divergence ?? NaN, higherIsBetter: false });
