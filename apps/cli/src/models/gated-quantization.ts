/** Quantizes a model, then measures its gate metric and its speed. */
import { readDeviceModel } from "@slm/exported-model";
import { type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, METRIC_NAMES, isMetricName, type MetricName } from "@slm/metrics";
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
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { excludeWorst } from "./exclusion.js";
import { measureQuality, readEvaluationRows } from "./measure-quality.js";

/** The gate metric that needs no labels: KL divergence of the next token from the float32 model's [nats per token]. */
const DIVERGENCE = "logitDivergence";

/** A gate, and the rows on which it is measured; none for the divergence, which uses calibration rows. */
export interface GateRequest {
  readonly metric: MetricName | typeof DIVERGENCE;
  readonly maxDrop: number;
  readonly rows: readonly EvaluationRow[];
}

/** Rows answered per second, before and after. */
interface Speed {
  readonly before: number;
  readonly after: number;
}

export interface GatedQuantization {
  /** Null without a gate. */
  readonly gate: GateResult | null;
  /** Null when no rows were answered. */
  readonly speed: Speed | null;
  /** KL divergence of the next token from the float32 model's; null without calibration rows [nats per token]. */
  readonly divergence: number | null;
  /** Layer sensitivities, the most sensitive layer first; empty unless requested. */
  readonly layers: readonly LayerSensitivity[];
  /** Layers kept in float32 to pass the gate, as graph/layer. */
  readonly excluded: readonly string[];
}

/** The gate of `--gate`, `--data` and `--limit`; undefined without `--gate`.
 *
 * @throws SlmError USAGE for a malformed gate, an unknown metric, or no rows to measure on;
 * INPUT_MISSING or DATA_INVALID for the rows
 */
export async function readGateRequest(flags: {
  readonly gate?: string | undefined;
  readonly data?: string | undefined;
  readonly limit?: number | undefined;
}): Promise<GateRequest | undefined> {
  if (flags.gate === undefined) return undefined;
  const written = parseGate(flags.gate);
  if (flags.data === undefined) {
    throw new SlmError("USAGE", `--gate ${flags.gate}: expected rows to measure on, got none`, {
      suggestions: [`--gate ${flags.gate} --data test.jsonl`],
    });
  }
  if (written.metric === DIVERGENCE) {
    if (written.unit === "metric") return { metric: DIVERGENCE, maxDrop: written.maxDrop, rows: [] };
    throw new SlmError("USAGE", `--gate ${flags.gate}: a divergence is in nats, not in points`, {
      suggestions: [`--gate ${DIVERGENCE}:0.01`],
    });
  }
  const metric = requireMetric(written.metric);
  const { maxDrop } = gateIn(METRICS[metric].unit, written);
  return { metric, maxDrop, rows: await readEvaluationRows(flags.data, flags.limit) };
}

export interface GatedQuantizationRequest {
  /** How to quantize `modelDirectory` into `outputDirectory`. */
  readonly options: QuantizeDirectoryOptions;
  readonly gate: GateRequest | undefined;
  /** Measure layer sensitivities, and keep the most sensitive layers in float32 until the gate passes. */
  readonly sensitivity: boolean;
  /** Largest size, for a format per layer [bytes]. */
  readonly budget?: number | undefined;
  readonly runtime: Runtime;
  readonly context: Pick<StageContext, "progress" | "signal">;
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
      : { ...request.options, formats: plan.formats, blockSize: plan.blockSize };
  const report = await quantizeDirectory(options);
  requireBudget(report, request.budget);
  const layers = plan?.layers ?? (sensitivity ? await measureSensitivity(calibrated(options)) : []);
  const judge = new Judge(request);
  const first = await judge.ask();
  const done = { layers, excluded: [] };
  if (first.gate?.pass !== false || !sensitivity || gate === undefined) {
    return { ...report, ...first, ...done, divergence: await divergenceOf(request) };
  }
  const better = await excludeWorst({ options, layers, judge });
  return { ...better, divergence: await divergenceOf(request), layers };
}

async function planOf(request: GatedQuantizationRequest): Promise<BudgetPlan | undefined> {
  const { budget } = request;
  if (budget === undefined) return undefined;
  const options = calibrated(request.options);
  const scratch = await mkdtemp(join(tmpdir(), "slm-budget-"));
  try {
    return await planBudget(options, budget, await overheadBytes(options, scratch));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The options with the rows for sensitivity and budget. */
function calibrated(
  options: QuantizeDirectoryOptions,
): QuantizeDirectoryOptions & Required<Pick<QuantizeDirectoryOptions, "calibration">> {
  const { calibration } = options;
  if (calibration !== undefined) return { ...options, calibration };
  throw new SlmError("USAGE", "--sensitivity and --budget need calibration rows, got none", {
    suggestions: ["--calibration train.jsonl"],
  });
}

function requireBudget({ bytesAfter }: QuantizeReport, budget: number | undefined): void {
  if (budget === undefined || bytesAfter <= budget) return;
  throw new SlmError("GATE_FAILED", `quantize: the model has ${bytesAfter} bytes, the budget is ${budget}`, {
    suggestions: ["give a larger budget"],
  });
}

async function divergenceOf({ options }: GatedQuantizationRequest): Promise<number | null> {
  const { calibration, modelDirectory, outputDirectory } = options;
  if (calibration === undefined) return null;
  const model = await readDeviceModel(modelDirectory);
  if (model.target !== "cpu") return null; // Graphs of other targets have other inputs.
  const { graphs } = await readDeviceModel(outputDirectory);
  return withLogitJudge(modelDirectory, model, calibration, (judge) =>
    judge.divergenceOf(outputDirectory, graphs),
  );
}

/** Measures the gate's metric; the float32 model only once. */
export class Judge {
  readonly #request: GatedQuantizationRequest;
  #before: { readonly value: number; readonly rate: number } | undefined;

  constructor(request: GatedQuantizationRequest) {
    this.#request = request;
  }

  /** The gate for the current contents of the output directory. */
  async ask(): Promise<Pick<GatedQuantization, "gate" | "speed">> {
    const { gate, options } = this.#request;
    if (gate === undefined) return { gate: null, speed: null };
    if (gate.metric === DIVERGENCE) {
      calibrated(options);
      const after = (await divergenceOf(this.#request)) ?? NaN;
      const { metric, maxDrop } = gate;
      return { gate: checkGate({ metric, maxDrop, before: 0, after, higherIsBetter: false }), speed: null };
    }
    this.#before ??= await this.#measure(options.modelDirectory, gate.metric, gate.rows);
    const after = await this.#measure(options.outputDirectory, gate.metric, gate.rows);
    const { metric } = gate;
    return {
      gate: askGate(gate, { [metric]: this.#before.value }, { [metric]: after.value }),
      speed: { before: this.#before.rate, after: after.rate },
    };
  }

  async #measure(
    model: string,
    metric: MetricName,
    rows: readonly EvaluationRow[],
  ): Promise<{ value: number; rate: number }> {
    const { runtime, context } = this.#request;
    const { metrics, seconds } = await measureQuality({ model, rows, metrics: [metric], runtime, context });
    return { value: metrics[metric] ?? NaN, rate: rows.length / seconds };
  }
}

/** Compares a metric before and after with its limit. @throws SlmError USAGE for an unknown metric */
export function askGate(
  { metric, maxDrop }: { readonly metric: string; readonly maxDrop: number },
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): GateResult {
  const { higherIsBetter } = METRICS[requireMetric(metric)];
  // A metric that was not measured is NaN, which fails the gate.
  return checkGate({
    metric,
    maxDrop,
    higherIsBetter,
    before: before[metric] ?? NaN,
    after: after[metric] ?? NaN,
  });
}

/** Message of a failed gate. */
export function gateMessage(scheme: string, { metric, before, after, limit }: GateResult): string {
  const show = (value: number): string => value.toPrecision(4);
  return `quantize: ${scheme}: ${metric} went from ${show(before)} to ${show(after)}; the limit is ${show(limit)}`;
}

function requireMetric(metric: string): MetricName {
  if (isMetricName(metric)) return metric;
  throw new SlmError(
    "USAGE",
    `gate: expected a metric of ${METRIC_NAMES.join(", ")}, ${DIVERGENCE}, got '${metric}'`,
    { suggestions: ["--gate wer:+1"] },
  );
}
