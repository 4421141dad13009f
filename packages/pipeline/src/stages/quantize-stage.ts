/** Stage `quantize`: quantizes the model and compares each result with the float32 export on held-out rows. */
import { DATA_FILES } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import { deviceOf, type SchemeName } from "@slm/devices";
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { METRICS, METRIC_ROWS, isMetricName, metricName } from "@slm/metrics";
import { withOutputThreads, withRuntime } from "@slm/models/engines";
import { mostFrequentAnswer } from "@slm/models/quality";
import { QualityGate, gateMessage, type GatedModel, type MeasuredModel } from "@slm/models/quantize";
import { readHeldOutRows, readTokenPairs, type HeldOutSplit } from "@slm/models/rows";
import {
  learnsFromData,
  quantizeConfig,
  quantizeDirectory,
  usualScheme,
  checkGate,
  type GateResult,
  type ModelCalibration,
} from "@slm/quantization";
import type { Runtime, RuntimeDevice } from "@slm/runtime";
import { join } from "node:path";
import { z } from "zod";
import { defineStage } from "../stage/stage.js";
import { requireInput } from "./require-input.js";

/** Settings of quantization and of its evaluation: the section `quantize:` of a recipe. */
export const quantizeSection = quantizeConfig
  .safeExtend({
    metrics: z
      .array(metricName)
      .optional()
      .describe("Metrics to measure in addition to the gate's metric. In a recipe: metrics."),
  })
  .refine(({ gate }) => isMetricName(gate.metric), {
    path: ["gate", "metric"],
    message: `expected one of ${METRIC_ROWS.names.join(", ")}`,
  });

function isHigherBetter(metric: string): boolean {
  return isMetricName(metric) && METRICS[metric].higherIsBetter;
}

export type QuantizeSection = z.infer<typeof quantizeSection>;

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
  revision: 7,
  isResumable: false,
  inputs: [
    { stage: "data", required: true },
    { stage: "export", required: true },
  ],
  run: async ({ settings, compute, inputs, work, ...context }): Promise<QuantizeStageReport> => {
    const exported = requireInput(inputs, "export");
    const { rows, split } = await readHeldOutRows(requireInput(inputs, "data"));
    return withRuntime(compute.threads, async (runtime) => {
      const { gate, metrics } = settings;
      const schemes = settings.schemes ?? [usualSchemeOf(await readDeviceModel(exported))];
      const { progress, signal, seed } = context;
      const { threads } = compute;
      const measuring = { gate, metrics, rows, float32: exported, runtime, threads, intervalSeed: seed };
      const quality = new QualityGate({ ...measuring, context });
      const calibration = await calibrationOf(schemes, requireInput(inputs, "data"), exported, runtime);
      const before = await quality.float32();
      const made: GatedModel[] = [];
      for (const scheme of schemes) {
        const outputDirectory = join(work, scheme);
        const options = {
          modelDirectory: exported,
          outputDirectory,
          calibration,
          scheme,
        };
        await withOutputThreads(threads, (run) => quantizeDirectory({ ...options, run, progress, signal }));
        made.push(await quality.quantized(scheme, outputDirectory));
        // The first scheme is deployed. If it fails, measuring the others is pointless.
        requirePass(made[0]!, gate);
      }
      const first = made[0]!;
      return {
        n: rows.length,
        split,
        scheme: first.name,
        bytesBefore: before.bytes,
        bytesAfter: first.bytes,
        gate: first.gate,
        mostFrequentAnswer: isMetricName(gate.metric) ? mostFrequentAnswer(rows, gate.metric) : null,
        device: runtime.device,
        models: [before, ...made],
      };
    });
  },
});

/** @throws SlmError OP_UNSUPPORTED for a device without quantization */
function usualSchemeOf(model: DeviceModel): SchemeName {
  const scheme = usualScheme(model);
  if (scheme !== null) return scheme;
  const { reason } = deviceOf("quantize", model.target, model.profile).schemes;
  throw new SlmError("OP_UNSUPPORTED", `quantize: target '${model.target}': ${reason}`, {
    suggestions: ["remove the section quantize"],
  });
}

/** Training rows for calibration. Schemes that only round to 8 bits do not need calibration. */
async function calibrationOf(
  schemes: readonly SchemeName[],
  data: string,
  exported: string,
  runtime: Runtime,
): Promise<ModelCalibration | undefined> {
  if (!schemes.some(learnsFromData)) return undefined;
  return { runtime, pairs: await readTokenPairs(join(data, DATA_FILES.train), exported) };
}

function requirePass(
  { name, gate }: { readonly name: string; readonly gate: GateResult },
  { limit }: QuantizeSection["gate"],
): void {
  if (gate.pass) return;
  const { metric, before } = gate;
  const higherIsBetter = isHigherBetter(metric);
  // If the float32 model also misses the absolute limit, another scheme does not help.
  const float32 = checkGate({ metric, before, after: before, maxDrop: 0, higherIsBetter, limit });
  throw new SlmError("GATE_FAILED", gateMessage(name, gate), {
    context: { scheme: name, gate },
    suggestions: float32.pass
      ? [
          "remove the section quantize to deploy the float32 export, or",
          "--set 'quantize.schemes=[cpu]' or [int8-dynamic] for another scheme, or",
          "--set quantize.gate.maxDrop=VALUE to accept the loss",
        ]
      : [
          "the float32 model also misses the limit: train longer, with more data or with another learning rate",
          "slm report RUN shows the loss and the answers to dev rows",
        ],
  });
}
