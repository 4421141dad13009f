/** Quantizes a model, then measures its gate and its speed. */
import { removePath, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { FileSettings } from "@slm/data";
import type { SchemeName } from "@slm/devices";
import { readDeviceModel } from "@slm/exported-model";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, type MetricName } from "@slm/metrics";
import {
  checkGate,
  gateIn,
  measureSensitivity,
  overheadBytes,
  parseGate,
  planBudget,
  quantizeDirectory,
  withLogitJudge,
  type BudgetPlan,
  type GateResult,
  type LayerSensitivity,
  type ModelCalibration,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEvaluationRows } from "../rows/evaluation-rows.js";
import { rowSettingsFor } from "../rows/row-settings.js";
import { excludeWorst } from "./exclusion.js";
import { DIVERGENCE, QualityGate, requireMetric, type GatedModel } from "./quality-gate.js";

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
  /** Layer sensitivities, most sensitive layer first; empty unless requested. */
  readonly layers: readonly LayerSensitivity[];
  /** Layers kept in float32 to pass the gate, as graph/layer. */
  readonly excluded: readonly string[];
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
  /** Measure layer sensitivities, and keep the most sensitive layers in float32 until the gate passes. */
  readonly sensitivity: boolean;
  /** Size limit; each layer gets the format that fits it [bytes]. */
  readonly budget?: number | undefined;
  readonly runtime: Runtime;
  /** Threads that answer with a portable form. Default: one per CPU core. */
  readonly threads?: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** What the gate says of the model in the output directory. */
interface Verdict {
  readonly gate: GateResult | null;
  /** Absent without rows. */
  readonly measured?: GatedModel | undefined;
}

/** Quantizes, then measures both models if there is a gate. A failed gate is a result, not an error. */
export async function quantizeWithGate(
  request: GatedQuantizationRequest,
): Promise<QuantizeReport & GatedQuantization> {
  const { gate, sensitivity } = request;
  const plan = await planOf(request);
  const options =
    plan === undefined
      ? request.options
      : { ...request.options, formats: plan.formats, weights: plan.weights };
  const report = await quantizeDirectory(options);
  requireBudget(report, request.budget);
  const layers = plan?.layers ?? (sensitivity ? await measureSensitivity(calibrated(options)) : []);
  const quality = qualityOf(request);
  const judge = async (): Promise<Verdict> => {
    if (gate === undefined) return { gate: null };
    if (quality === undefined) return { gate: divergenceGate(gate.maxDrop, await divergenceOf(options)) };
    const measured = await quality.quantized(options.scheme, options.outputDirectory);
    return { gate: measured.gate, measured };
  };
  const first = await judge();
  const { measured, ...result } =
    first.gate?.pass === false && sensitivity
      ? await excludeWorst({ options, layers, judge })
      : { ...report, ...first, excluded: [] };
  const divergence = await divergenceOf(options);
  if (quality === undefined || measured === undefined) return { ...result, speed: null, layers, divergence };
  return { ...result, speed: await quality.speed(measured), layers, divergence };
}

function qualityOf({ gate, options, ...how }: GatedQuantizationRequest): QualityGate | undefined {
  if (gate === undefined || gate.metric === DIVERGENCE) return undefined;
  return new QualityGate({ ...how, gate, rows: gate.rows, float32: options.modelDirectory });
}

async function planOf(request: GatedQuantizationRequest): Promise<BudgetPlan | undefined> {
  const { budget } = request;
  if (budget === undefined) return undefined;
  const options = calibrated(request.options);
  const scratch = await mkdtemp(join(tmpdir(), "slm-budget-"));
  try {
    return await planBudget(options, budget, await overheadBytes(options, scratch));
  } finally {
    await removePath(scratch);
  }
}

function requireBudget({ bytesAfter }: QuantizeReport, budget: number | undefined): void {
  if (budget === undefined || bytesAfter <= budget) return;
  throw new SlmError(
    "GATE_FAILED",
    `quantize: the model has ${bytesAfter} bytes, but --budget allows only ${budget}`,
    {
      suggestions: ["give a larger budget"],
    },
  );
}

/** KL divergence of the next token from the float32 model's [nats per token]; null if it is not measured. */
async function divergenceOf({
  calibration,
  modelDirectory,
  outputDirectory,
}: QuantizeDirectoryOptions): Promise<number | null> {
  if (calibration === undefined) return null;
  const model = await readDeviceModel(modelDirectory);
  if (model.target !== "cpu") return null; // The graphs have different inputs.
  const { graphs } = await readDeviceModel(outputDirectory);
  if (graphs.decoder === undefined) return null; // The judge runs graphs only.
  return withLogitJudge(modelDirectory, model, calibration, (judge) =>
    judge.divergenceOf(outputDirectory, graphs),
  );
}

const divergenceGate = (maxDrop: number, divergence: number | null): GateResult =>
  checkGate({ metric: DIVERGENCE, maxDrop, before: 0, after: divergence ?? NaN, higherIsBetter: false });

/** @throws SlmError USAGE without calibration rows */
function calibrated(
  options: QuantizeDirectoryOptions,
): QuantizeDirectoryOptions & { readonly calibration: ModelCalibration } {
  const { calibration } = options;
  if (calibration !== undefined) return { ...options, calibration };
  throw new SlmError("USAGE", "--sensitivity and --budget need calibration rows, got none", {
    suggestions: ["--calibration ROWS.jsonl"],
  });
}
