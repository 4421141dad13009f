/** Asks whether a quantized model is still good enough, and how fast it is. */
import { type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { readDeviceModel } from "@slm/exported-model";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, METRIC_ROWS, isMetricName, type MetricName } from "@slm/metrics";
import {
  checkGate,
  withLogitJudge,
  type AbsoluteGate,
  type Gate,
  type GateResult,
  type ModelCalibration,
  type QuantizeDirectoryOptions,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { measureQuality } from "./measure-quality.js";

/** The gate of models without labels: KL divergence of the next token from the float32 model's [nats per token]. */
export const DIVERGENCE = "logitDivergence";

/** A question, and the rows it is asked on; none for the divergence, which calibration rows answer. */
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

/** What the gate says of a model, and how fast it is. */
export interface Verdict {
  /** Null when nothing was asked. */
  readonly gate: GateResult | null;
  /** Null when no rows were answered. */
  readonly speed: Speed | null;
}

export interface JudgeRequest {
  /** The float32 model is `modelDirectory`, the one to judge `outputDirectory`. */
  readonly options: QuantizeDirectoryOptions;
  readonly gate: GateRequest | undefined;
  readonly runtime: Runtime;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** Asks the gate's question, of the float32 model once. */
export class Judge {
  readonly #request: JudgeRequest;
  #before: { readonly value: number; readonly rate: number } | undefined;

  constructor(request: JudgeRequest) {
    this.#request = request;
  }

  /** The gate on what lies in the output directory now. */
  async ask(): Promise<Verdict> {
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

/** Whether a model is still good enough: a metric before and after. @throws SlmError USAGE for an unknown metric */
export function askGate(
  { metric, maxDrop, minimum, maximum }: Gate & AbsoluteGate,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): GateResult {
  const { higherIsBetter } = METRICS[requireMetric(metric)];
  // A metric that was not measured is not a number, which the gate rejects.
  return checkGate({
    metric,
    maxDrop,
    minimum,
    maximum,
    higherIsBetter,
    before: before[metric] ?? NaN,
    after: after[metric] ?? NaN,
  });
}

/** What a failed gate says. */
export function gateMessage(scheme: string, { metric, before, after, limit }: GateResult): string {
  const show = (value: number): string => value.toPrecision(4);
  return `quantize: ${scheme}: ${metric} went from ${show(before)} to ${show(after)}; the limit is ${show(limit)}`;
}

/** KL divergence of the next token from the float32 model's [nats per token]; null where it is not measured. */
export async function divergenceOf({ options }: Pick<JudgeRequest, "options">): Promise<number | null> {
  const { calibration, modelDirectory, outputDirectory } = options;
  if (calibration === undefined) return null;
  const model = await readDeviceModel(modelDirectory);
  if (model.target !== "cpu") return null; // The graphs have other inputs.
  const { graphs } = await readDeviceModel(outputDirectory);
  return withLogitJudge(modelDirectory, model, calibration, (judge) =>
    judge.divergenceOf(outputDirectory, graphs),
  );
}

/** The options with the rows that judging needs. */
export function calibrated(
  options: QuantizeDirectoryOptions,
): QuantizeDirectoryOptions & { readonly calibration: ModelCalibration } {
  const { calibration } = options;
  if (calibration !== undefined) return { ...options, calibration };
  throw new SlmError("USAGE", "--sensitivity and --budget judge by calibration rows, got none", {
    suggestions: ["--calibration ROWS.jsonl"],
  });
}

/** @throws SlmError USAGE for a name that is no metric */
export function requireMetric(metric: string): MetricName {
  if (isMetricName(metric)) return metric;
  throw new SlmError(
    "USAGE",
    `gate: expected a metric of ${METRIC_ROWS.names.join(", ")}, ${DIVERGENCE}, got '${metric}'`,
    { suggestions: ["--gate wer:+1"] },
  );
}
