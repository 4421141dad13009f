/** Stage `quantize`: quantizes the model and compares each result with the float32 export on held-out rows. */
import { graphBytes, readDeviceModel } from "@slm/exported-model";
import type { EngineName } from "@slm/exported-model/engine";
import { type StageContext } from "@slm/core";
import { DATA_FILES } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import type { EvaluationRow, Interval } from "@slm/inference";
import { METRICS, METRIC_ROWS, isMetricName, metricName, type MetricName } from "@slm/metrics";
import {
  learnsFromData,
  quantizeConfig,
  quantizeDirectory,
  checkGate,
  dropPortable,
  type AbsoluteGate,
  type GateResult,
  type ModelCalibration,
} from "@slm/quantization";
import type { Runtime, RuntimeDevice } from "@slm/runtime";
import { join } from "node:path";
import { z } from "zod";
import { engineFor } from "@slm/models/devices";
import { withOutputThreads, withRuntime } from "@slm/models/engines";
import { readTokenPairs } from "@slm/models/rows";
import { readHeldOutRows, type HeldOutSplit } from "@slm/models/rows";
import { askGate, failedPortable, gateMessage } from "@slm/models/quantize";
import { mostFrequentAnswer } from "@slm/models/quality";
import { measureQuality } from "@slm/models/quality";
import { defineStage } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

/** Settings of quantization and of its evaluation: the section `quantize:` of a recipe. */
export const quantizeSection = quantizeConfig
  .safeExtend({
    metrics: z
      .array(metricName)
      .optional()
      .describe("Metrics to measure in addition to the gate's metric. Default in a recipe: distill.metrics."),
  })
  .refine(({ gate }) => isMetricName(gate.metric), {
    path: ["gate", "metric"],
    message: `expected one of ${METRIC_ROWS.names.join(", ")}`,
  })
  .refine(({ gate: { metric, minimum } }) => minimum === undefined || isHigherBetter(metric), {
    path: ["gate", "minimum"],
    message: "the metric is an error rate, so its limit is maximum",
  })
  .refine(({ gate: { metric, maximum } }) => maximum === undefined || !isHigherBetter(metric), {
    path: ["gate", "maximum"],
    message: "higher values of the metric are better, so its limit is minimum",
  });

function isHigherBetter(metric: string): boolean {
  return isMetricName(metric) && METRICS[metric].higherIsBetter;
}

export type QuantizeSection = z.infer<typeof quantizeSection>;

/** Answers of a model to all rows. */
interface MeasuredAnswers {
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
  /** What the measurements are of: by default the graphs; for the deployed scheme, what runs in `slm generate`. */
  readonly engine: EngineName;
  /** The graphs of the deployed scheme, if its portable form runs. They pass the gate too, because `slm serve` may run them. */
  readonly graphs?: MeasuredAnswers | undefined;
}

export interface QuantizeStageReport {
  /** Number of evaluated rows. */
  readonly n: number;
  /** The rows' split or file. */
  readonly split: HeldOutSplit;
  /** The scheme that is deployed: the first. */
  readonly scheme: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly gate: GateResult;
  /** The gate's metric of always giving the most frequent answer; null if all rows have the same answer. */
  readonly mostFrequentAnswer: number | null;
  /** The device that measured, and its int8 arithmetic. */
  readonly device: RuntimeDevice;
  readonly models: readonly MeasuredModel[];
}

export const quantizeStage = defineStage<QuantizeSection>({
  name: "quantize",
  summary: "quantized models, each compared with the float32 export",
  section: quantizeSection,
  kind: "quantized",
  revision: 6,
  isResumable: false,
  inputs: [
    { stage: "data", required: true },
    { stage: "export", required: true },
  ],
  run: async ({ settings, compute, inputs, work, ...context }): Promise<QuantizeStageReport> => {
    const exported = requireInput(inputs, "export");
    const { rows, split } = await readHeldOutRows(requireInput(inputs, "data"));
    return withRuntime(compute.threads, async (runtime) => {
      const bench = new QualityBench(rows, settings, runtime, { ...context, threads: compute.threads });
      const calibration = await calibrationOf(settings, requireInput(inputs, "data"), exported, runtime);
      const before = await bench.measure("float32", exported);
      const {
        embedding,
        gate: { metric },
      } = settings;
      const common = { modelDirectory: exported, embedding };
      const { progress, signal } = context;
      const made: GatedModel[] = [];
      for (const scheme of settings.schemes) {
        const directory = join(work, scheme);
        const options = { ...common, calibration, scheme };
        await withOutputThreads(compute.threads, (run) =>
          quantizeDirectory({ ...options, outputDirectory: directory, run, progress, signal }),
        );
        const model = await bench.measure(scheme, directory);
        made.push({ ...model, gate: bench.gateOf(before, model) });
        // The first scheme is deployed. If it fails, measuring the others is pointless.
        requirePass(made[0]!, settings.gate);
      }
      const directories = settings.schemes.map((scheme) => join(work, scheme));
      const [measured, ...others] = made;
      const first = await withPortable(measured!, { bench, before, directories });
      return {
        n: rows.length,
        split,
        scheme: first.name,
        bytesBefore: before.bytes,
        bytesAfter: first.bytes,
        gate: first.gate,
        mostFrequentAnswer: isMetricName(metric) ? mostFrequentAnswer(rows, metric) : null,
        device: runtime.device,
        models: [{ ...before, gate: null }, first, ...others],
      };
    });
  },
});

/** Training rows for calibration. Schemes that only round to 8 bits do not need calibration. */
async function calibrationOf(
  { schemes: names }: QuantizeSection,
  data: string,
  exported: string,
  runtime: Runtime,
): Promise<ModelCalibration | undefined> {
  if (!names.some(learnsFromData)) return undefined;
  return { runtime, pairs: await readTokenPairs(join(data, DATA_FILES.train), exported) };
}

interface BenchContext extends StageContext {
  /** Threads that answer with portable forms. Default: one for each processor. */
  readonly threads: number | undefined;
}

/** The evaluation request of a model: the same rows and metrics for all. */
class QualityBench {
  readonly #rows: readonly EvaluationRow[];
  readonly #metrics: readonly MetricName[];
  readonly #gate: QuantizeSection["gate"];
  readonly #runtime: Runtime;
  readonly #context: BenchContext;

  constructor(
    rows: readonly EvaluationRow[],
    { gate, metrics }: QuantizeSection,
    runtime: Runtime,
    context: BenchContext,
  ) {
    const { metric } = gate;
    this.#rows = rows;
    this.#metrics = [...new Set([...(metrics ?? []), ...(isMetricName(metric) ? [metric] : [])])];
    this.#gate = gate;
    this.#runtime = runtime;
    this.#context = context;
  }

  /** Measures the graphs of a model. */
  async measure(name: string, model: string): Promise<Omit<MeasuredModel, "gate">> {
    const answers = await this.#answers(`measuring ${name}`, model, this.#runtime);
    const bytes = graphBytes(await readDeviceModel(model));
    return { name, bytes, engine: "onnxruntime", ...answers };
  }

  /** Measures the portable form of a model; undefined if this model runs its graphs. */
  async measurePortable(model: string): Promise<MeasuredAnswers | undefined> {
    const { engine } = engineFor(await readDeviceModel(model), {});
    return engine === "wasm" ? this.#answers("measuring the portable form", model, undefined) : undefined;
  }

  /** The gate of answers, compared with those of the float32 export. */
  gateOf(before: MeasuredAnswers, after: MeasuredAnswers): GateResult {
    return askGate(this.#gate, before.metrics, after.metrics);
  }

  async #answers(message: string, model: string, runtime: Runtime | undefined): Promise<MeasuredAnswers> {
    const { progress, signal, seed, threads } = this.#context;
    const { metrics, intervals, seconds } = await measureQuality({
      model,
      rows: this.#rows,
      metrics: this.#metrics,
      runtime,
      threads,
      intervalSeed: seed,
      context: {
        signal,
        progress: (update) => {
          progress({ ...update, stage: "quantize", message });
        },
      },
    });
    return { seconds, metrics, intervals };
  }
}

type GatedModel = MeasuredModel & { readonly gate: GateResult };

interface PortableQuestion {
  readonly bench: QualityBench;
  readonly before: MeasuredAnswers;
  /** Of all schemes, the deployed one first. Those that have a portable form have the same. */
  readonly directories: readonly string[];
}

/** The deployed model as it runs: with its portable form, if that passes the gate. If it fails, no scheme keeps it. */
async function withPortable(
  deployed: GatedModel,
  { bench, before, directories }: PortableQuestion,
): Promise<GatedModel> {
  const portable = await bench.measurePortable(directories[0]!);
  if (portable === undefined) return deployed;
  const gate = bench.gateOf(before, portable);
  if (!gate.pass) {
    for (const directory of directories) await dropPortable(directory, failedPortable(gate));
    return deployed;
  }
  const { seconds, metrics, intervals } = deployed;
  return { ...deployed, ...portable, gate, engine: "wasm", graphs: { seconds, metrics, intervals } };
}

function requirePass(
  { name, gate }: { readonly name: string; readonly gate: GateResult },
  { minimum, maximum }: AbsoluteGate,
): void {
  if (gate.pass) return;
  const { metric, before } = gate;
  const higherIsBetter = isHigherBetter(metric);
  // If the float32 model also misses the absolute limit, another scheme does not help.
  const float32 = checkGate({ metric, before, after: before, maxDrop: 0, higherIsBetter, minimum, maximum });
  throw new SlmError("GATE_FAILED", gateMessage(name, gate), {
    context: { scheme: name, gate },
    suggestions: float32.pass
      ? [
          "remove the section quantize to deploy the float32 export, or",
          "--set 'quantize.schemes=[int8-dynamic]' for a more accurate scheme, or",
          "--set quantize.gate.maxDrop=VALUE to accept the loss",
        ]
      : [
          "the float32 model also misses the limit: train longer, with more data or with another learning rate",
          "slm report RUN shows the loss and the answers to dev rows",
        ],
  });
}
