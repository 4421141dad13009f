/** The quality gate of quantization: a quantized model is compared with the float32 export on the same rows. */
import type { StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { modelBytes, readDeviceModel } from "@slm/exported-model";
import type { EngineName } from "@slm/exported-model/engine";
import type { EvaluationRow, Interval } from "@slm/inference";
import { METRICS, METRIC_ROWS, isMetricName, type MetricName } from "@slm/metrics";
import { checkGate, type Gate, type GateQuestion, type GateResult } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { measureQuality } from "../quality/measure-quality.js";

/** Measurements of one model. */
export interface MeasuredModel {
  /** `float32` for the export. */
  readonly name: string;
  /** Size of what was measured [bytes]. */
  readonly bytes: number;
  /** Null for the float32 export, which is the reference. */
  readonly gate: GateResult | null;
  /** What answered the rows. */
  readonly engine: EngineName;
  /** Time for answering all rows [seconds]. */
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** 95 % confidence intervals by bootstrap over the rows. */
  readonly intervals?: Readonly<Record<string, Interval>> | undefined;
}

export type GatedModel = MeasuredModel & { readonly gate: GateResult };

export interface QualityGateRequest {
  readonly gate: Gate & Pick<GateQuestion, "limit">;
  /** Metrics to measure in addition to the gate's. */
  readonly metrics?: readonly MetricName[] | undefined;
  readonly rows: readonly EvaluationRow[];
  /** Directory of the float32 export. */
  readonly float32: string;
  readonly runtime: Runtime;
  /** Threads that answer with a portable form. Default: one per CPU core. */
  readonly threads?: number | undefined;
  /** Seed of the confidence intervals. Default: no intervals are computed. */
  readonly intervalSeed?: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** Measures models on the same rows, and decides whether they pass. */
export class QualityGate {
  readonly #request: QualityGateRequest;
  readonly #metrics: readonly MetricName[];
  #float32: Promise<MeasuredModel> | undefined;

  /** @throws SlmError USAGE if the gate's metric is unknown */
  constructor(request: QualityGateRequest) {
    this.#request = request;
    this.#metrics = [...new Set([...(request.metrics ?? []), requireMetric(request.gate.metric)])];
  }

  /** The float32 export, measured once. */
  float32(): Promise<MeasuredModel> {
    this.#float32 ??= this.#measure("float32", this.#request.float32);
    return this.#float32;
  }

  /** Measures a quantized model as it runs: its portable form, or its graphs. */
  async quantized(name: string, directory: string): Promise<GatedModel> {
    const before = await this.float32();
    const after = await this.#measure(name, directory);
    return { ...after, gate: this.#compare(before, after) };
  }

  /** Rows answered per second by the float32 export and by a measured model. */
  async speed(model: MeasuredModel): Promise<{ readonly before: number; readonly after: number }> {
    const { seconds } = await this.float32();
    const { length } = this.#request.rows;
    return { before: length / seconds, after: length / model.seconds };
  }

  /** Compares the gate's metric. A metric that was not measured is NaN, which the gate rejects. */
  #compare(before: MeasuredModel, after: MeasuredModel): GateResult {
    const { metric, maxDrop, limit } = this.#request.gate;
    const { higherIsBetter } = METRICS[requireMetric(metric)];
    const values = { before: before.metrics[metric] ?? NaN, after: after.metrics[metric] ?? NaN };
    return checkGate({ metric, maxDrop, limit, higherIsBetter, ...values });
  }

  /** The float32 export runs its graphs; a quantized model has either graphs or a portable form. */
  async #measure(name: string, model: string): Promise<MeasuredModel> {
    const { rows, runtime, threads, intervalSeed, context } = this.#request;
    const described = await readDeviceModel(model);
    const hasGraphs = described.graphs.decoder !== undefined;
    const { metrics, intervals, seconds } = await measureQuality({
      model,
      rows,
      metrics: this.#metrics,
      runtime: hasGraphs ? runtime : undefined,
      threads,
      intervalSeed,
      context: {
        signal: context.signal,
        progress: (update) => {
          context.progress({ ...update, stage: "quantize", message: `measuring ${name}` });
        },
      },
    });
    const engine = hasGraphs ? "onnxruntime" : "wasm";
    return { name, bytes: modelBytes(described), gate: null, engine, seconds, metrics, intervals };
  }
}

const digits = (value: number): string => value.toPrecision(4);

/** The message of a failed gate. */
export function gateMessage(scheme: string, { metric, before, after, limit }: GateResult): string {
  return `quantize: ${scheme}: ${metric} went from ${digits(before)} to ${digits(after)}; the limit is ${digits(limit)}`;
}

/** The gate without labels: KL divergence of the next-token distribution from the float32 model's [nats per token]. */
export const DIVERGENCE = "logitDivergence";

/** @throws SlmError USAGE if the name is not a metric */
export function requireMetric(metric: string): MetricName {
  if (isMetricName(metric)) return metric;
  throw new SlmError(
    "USAGE",
    `gate: expected a metric of ${METRIC_ROWS.names.join(", ")}, ${DIVERGENCE}, got '${metric}'`,
    { suggestions: ["--gate wer:+1"] },
  );
}
