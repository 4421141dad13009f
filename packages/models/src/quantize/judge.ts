/** The quality gate of quantization: compares a quantized model with the float32 model, and measures its speed. */
import { type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { readDeviceModel } from "@slm/exported-model";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, METRIC_ROWS, isMetricName, type MetricName } from "@slm/metrics";
import {
  checkGate,
  dropPortable,
  withLogitJudge,
  type AbsoluteGate,
  type Gate,
  type GateResult,
  type ModelCalibration,
  type QuantizeDirectoryOptions,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { engineFor } from "../compute/devices.js";
import { measureQuality } from "../quality/measure-quality.js";

/** The gate without labels: KL divergence of the next-token distribution from the float32 model's [nats per token]. */
export const DIVERGENCE = "logitDivergence";

/** A gate and the rows that it is measured on; no rows for the divergence, which uses calibration rows. */
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

/** The gate's result for a model, and the model's speed. */
export interface Verdict {
  /** Null without a gate. */
  readonly gate: GateResult | null;
  /** Null if no rows were answered. */
  readonly speed: Speed | null;
}

export interface JudgeRequest {
  /** `modelDirectory` is the float32 model, `outputDirectory` the quantized model. */
  readonly options: QuantizeDirectoryOptions;
  readonly gate: GateRequest | undefined;
  readonly runtime: Runtime;
  /** Threads that answer with a portable form. Default: one for each processor. */
  readonly threads?: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** Measures the gate. The float32 model is measured only once. */
export class Judge {
  readonly #request: JudgeRequest;
  #before: { readonly value: number; readonly rate: number } | undefined;

  constructor(request: JudgeRequest) {
    this.#request = request;
  }

  /** Measures the gate on the current content of the output directory. */
  async ask(): Promise<Verdict> {
    const { gate, options, runtime } = this.#request;
    if (gate === undefined) return { gate: null, speed: null };
    if (gate.metric === DIVERGENCE) {
      calibrated(options);
      const after = (await divergenceOf(this.#request)) ?? NaN;
      const { metric, maxDrop } = gate;
      return { gate: checkGate({ metric, maxDrop, before: 0, after, higherIsBetter: false }), speed: null };
    }
    this.#before ??= await this.#measure(options.modelDirectory, gate.metric, gate.rows, runtime);
    const after = await this.#measure(options.outputDirectory, gate.metric, gate.rows, runtime);
    const { metric } = gate;
    return {
      gate: askGate(gate, { [metric]: this.#before.value }, { [metric]: after.value }),
      speed: { before: this.#before.rate, after: after.rate },
    };
  }

  /**
   * Measures the gate on the portable form in the output directory, if that is what runs. Removes the form if it fails.
   *
   * @returns null if graphs run
   */
  async askPortable(): Promise<GateResult | null> {
    const { gate, options } = this.#request;
    const { outputDirectory } = options;
    if (gate === undefined || gate.metric === DIVERGENCE || this.#before === undefined) return null;
    if (engineFor(await readDeviceModel(outputDirectory), {}).engine !== "wasm") return null;
    const { metric, rows } = gate;
    const { value } = await this.#measure(outputDirectory, metric, rows, undefined);
    const result = askGate(gate, { [metric]: this.#before.value }, { [metric]: value });
    if (result.pass) return result;
    await dropPortable(outputDirectory, failedPortable(result));
    return null;
  }

  async #measure(
    model: string,
    metric: MetricName,
    rows: readonly EvaluationRow[],
    runtime: Runtime | undefined,
  ): Promise<{ value: number; rate: number }> {
    const { threads, context } = this.#request;
    const request = { model, rows, metrics: [metric], runtime, threads, context };
    const { metrics, seconds } = await measureQuality(request);
    return { value: metrics[metric] ?? NaN, rate: rows.length / seconds };
  }
}

/** Compares a metric before and after quantization. @throws SlmError USAGE for an unknown metric */
export function askGate(
  { metric, maxDrop, minimum, maximum }: Gate & AbsoluteGate,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): GateResult {
  const { higherIsBetter } = METRICS[requireMetric(metric)];
  // A metric that was not measured is NaN, which the gate rejects.
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

/** The message of a failed gate. */
export function gateMessage(scheme: string, { metric, before, after, limit }: GateResult): string {
  const show = (value: number): string => value.toPrecision(4);
  return `quantize: ${scheme}: ${metric} went from ${show(before)} to ${show(after)}; the limit is ${show(limit)}`;
}

/** Why a model whose portable form fails the gate has none: continues "because ...". */
export const failedPortable = ({ metric, after, limit }: GateResult): string =>
  `its portable form fails the gate: ${metric} is ${after.toPrecision(4)}, and the limit is ${limit.toPrecision(4)}`;

/** KL divergence of the next token from the float32 model's [nats per token]; null if it is not measured. */
export async function divergenceOf({ options }: Pick<JudgeRequest, "options">): Promise<number | null> {
  const { calibration, modelDirectory, outputDirectory } = options;
  if (calibration === undefined) return null;
  const model = await readDeviceModel(modelDirectory);
  if (model.target !== "cpu") return null; // The graphs have different inputs.
  const { graphs } = await readDeviceModel(outputDirectory);
  return withLogitJudge(modelDirectory, model, calibration, (judge) =>
    judge.divergenceOf(outputDirectory, graphs),
  );
}

/** The options with the rows that the gate needs. */
export function calibrated(
  options: QuantizeDirectoryOptions,
): QuantizeDirectoryOptions & { readonly calibration: ModelCalibration } {
  const { calibration } = options;
  if (calibration !== undefined) return { ...options, calibration };
  throw new SlmError("USAGE", "--sensitivity and --budget need calibration rows, got none", {
    suggestions: ["--calibration ROWS.jsonl"],
  });
}

/** @throws SlmError USAGE if the name is not a metric */
export function requireMetric(metric: string): MetricName {
  if (isMetricName(metric)) return metric;
  throw new SlmError(
    "USAGE",
    `gate: expected a metric of ${METRIC_ROWS.names.join(", ")}, ${DIVERGENCE}, got '${metric}'`,
    { suggestions: ["--gate wer:+1"] },
  );
}
