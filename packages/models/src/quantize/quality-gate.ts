/** The quality gate of quantization: a quantized model is compared with the float32 export on the same rows. */
import type { StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { graphBytes, readDeviceModel } from "@slm/exported-model";
import type { EngineName } from "@slm/exported-model/engine";
import type { EvaluationRow, Interval } from "@slm/inference";
import { METRICS, METRIC_ROWS, isMetricName, type MetricName } from "@slm/metrics";
import { checkGate, dropPortable, type AbsoluteGate, type Gate, type GateResult } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { engineFor } from "../compute/devices.js";
import { measureQuality } from "../quality/measure-quality.js";

/** Measurements of a model's answers to all rows. */
export interface MeasuredAnswers {
  /** Time for answering all rows [seconds]. */
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** 95 % confidence intervals by bootstrap over the rows. */
  readonly intervals?: Readonly<Record<string, Interval>> | undefined;
}

/** Measurements of one model. */
export interface MeasuredModel extends MeasuredAnswers {
  /** `float32` for the export. */
  readonly name: string;
  /** Of graphs and weights. */
  readonly bytes: number;
  /** Null for the float32 export, which is the reference. */
  readonly gate: GateResult | null;
  /** What was measured: the graphs by default, and for the deployed model what runs in `slm generate`. */
  readonly engine: EngineName;
  /** The graphs of the deployed model, if its portable form runs. They pass the gate too, because `slm serve` may run them. */
  readonly graphs?: MeasuredAnswers | undefined;
}

export type GatedModel = MeasuredModel & { readonly gate: GateResult };

export interface QualityGateRequest {
  readonly gate: Gate & AbsoluteGate;
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

  /** Measures the graphs of a quantized model. */
  async graphs(name: string, directory: string): Promise<GatedModel> {
    const before = await this.float32();
    const after = await this.#measure(name, directory);
    return { ...after, gate: this.#compare(before, after) };
  }

  /**
   * The model as it runs: with its portable form, if that runs and passes the gate. If it fails, it is removed.
   *
   * @param model the measured graphs, which pass
   * @param directories of all models with the same portable form, the measured one first
   */
  async deployed(model: GatedModel, directories: readonly string[]): Promise<GatedModel> {
    const [directory = ""] = directories;
    if (engineFor(await readDeviceModel(directory), {}).engine !== "wasm") return model;
    const portable = await this.#answers("measuring the portable form", directory, undefined);
    const gate = this.#compare(await this.float32(), portable);
    if (gate.pass) {
      const { seconds, metrics, intervals } = model;
      return { ...model, ...portable, gate, engine: "wasm", graphs: { seconds, metrics, intervals } };
    }
    const { metric, after, limit } = gate;
    // Continues "there is no portable form, because".
    const reason = `its portable form fails the gate: ${metric} is ${digits(after)}, and the limit is ${digits(limit)}`;
    for (const each of directories) await dropPortable(each, reason);
    return model;
  }

  /** Rows answered per second by the float32 export and by a measured model. */
  async speed(model: MeasuredModel): Promise<{ readonly before: number; readonly after: number }> {
    const { seconds } = await this.float32();
    const { length } = this.#request.rows;
    return { before: length / seconds, after: length / model.seconds };
  }

  /** Compares the gate's metric. A metric that was not measured is NaN, which the gate rejects. */
  #compare(before: MeasuredAnswers, after: MeasuredAnswers): GateResult {
    const { metric, maxDrop, minimum, maximum } = this.#request.gate;
    const { higherIsBetter } = METRICS[requireMetric(metric)];
    const values = { before: before.metrics[metric] ?? NaN, after: after.metrics[metric] ?? NaN };
    return checkGate({ metric, maxDrop, minimum, maximum, higherIsBetter, ...values });
  }

  async #measure(name: string, directory: string): Promise<MeasuredModel> {
    const answers = await this.#answers(`measuring ${name}`, directory, this.#request.runtime);
    const bytes = graphBytes(await readDeviceModel(directory));
    return { name, bytes, gate: null, engine: "onnxruntime", ...answers };
  }

  /** @param runtime runs the graphs; undefined: the portable form runs */
  async #answers(message: string, model: string, runtime: Runtime | undefined): Promise<MeasuredAnswers> {
    const { rows, threads, intervalSeed, context } = this.#request;
    const { metrics, intervals, seconds } = await measureQuality({
      model,
      rows,
      metrics: this.#metrics,
      runtime,
      threads,
      intervalSeed,
      context: {
        signal: context.signal,
        progress: (update) => {
          context.progress({ ...update, stage: "quantize", message });
        },
      },
    });
    return { seconds, metrics, intervals };
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
