/** Quantizes a model and asks whether it is still good enough. */
import type { StageContext } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { EvaluationRow } from "@slm/evaluate";
import { METRICS, METRIC_NAMES, isMetricName, type MetricName } from "@slm/metrics";
import {
  checkGate,
  parseGate,
  quantizeDirectory,
  type GateResult,
  type QuantizeReport,
  type SchemeName,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { measureQuality, readEvaluationRows } from "./measure-quality.js";

/** A question, and the rows it is asked on. */
export interface GateRequest {
  readonly metric: MetricName;
  readonly maxDrop: number;
  readonly rows: readonly EvaluationRow[];
}

export interface GatedQuantization {
  /** Null when nothing was asked. */
  readonly gate: GateResult | null;
}

/**
 * What `--gate`, `--data` and `--limit` ask; undefined without `--gate`.
 *
 * @throws SlmError USAGE for a gate that is not `metric:maxDrop`, an unknown metric, or no rows to measure on;
 * INPUT_MISSING or DATA_INVALID for the rows
 */
export async function readGateRequest(flags: {
  readonly gate?: string | undefined;
  readonly data?: string | undefined;
  readonly limit?: number | undefined;
}): Promise<GateRequest | undefined> {
  if (flags.gate === undefined) return undefined;
  const { metric, maxDrop } = parseGate(flags.gate);
  const known = requireMetric(metric);
  if (flags.data === undefined) {
    throw new SlmError("USAGE", `--gate ${flags.gate}: expected rows to measure on, got none`, {
      suggestions: [`--gate ${flags.gate} --data test.jsonl`],
    });
  }
  return { metric: known, maxDrop, rows: await readEvaluationRows(flags.data, flags.limit) };
}

export interface GatedQuantizationRequest {
  /** Directory of a float32 export. */
  readonly model: string;
  /** Directory to fill. */
  readonly work: string;
  readonly scheme: SchemeName;
  readonly gate: GateRequest | undefined;
  readonly runtime: Runtime;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** Quantizes, then measures both models if there is a gate. A gate that fails is a result, not an error. */
export async function quantizeWithGate(
  request: GatedQuantizationRequest,
): Promise<QuantizeReport & GatedQuantization> {
  const { model, work, scheme, gate, runtime, context } = request;
  const report = await quantizeDirectory({
    modelDirectory: model,
    outputDirectory: work,
    scheme,
    ...context,
  });
  if (gate === undefined) return { ...report, gate: null };
  const { rows, metric, maxDrop } = gate;
  const measure = (directory: string): ReturnType<typeof measureQuality> =>
    measureQuality({ model: directory, rows, metrics: [metric], runtime, context });
  const before = await measure(model);
  const after = await measure(work);
  return { ...report, gate: askGate({ metric, maxDrop }, before.metrics, after.metrics) };
}

/** Whether a model is still good enough: a metric before and after. @throws SlmError USAGE for an unknown metric */
export function askGate(
  { metric, maxDrop }: { readonly metric: string; readonly maxDrop: number },
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): GateResult {
  const { betterIs } = METRICS[requireMetric(metric)];
  // A metric that was not measured is not a number, which the gate refuses.
  return checkGate({ metric, maxDrop, betterIs, before: before[metric] ?? NaN, after: after[metric] ?? NaN });
}

/** What a failed gate says. */
export function gateMessage(scheme: string, { metric, before, after, limit }: GateResult): string {
  const show = (value: number): string => value.toPrecision(4);
  return `quantize: ${scheme}: ${metric} went from ${show(before)} to ${show(after)}; the limit is ${show(limit)}`;
}

function requireMetric(metric: string): MetricName {
  if (isMetricName(metric)) return metric;
  throw new SlmError("USAGE", `gate: expected a metric of ${METRIC_NAMES.join(", ")}, got '${metric}'`, {
    suggestions: ["--gate wordError:0.01"],
  });
}
