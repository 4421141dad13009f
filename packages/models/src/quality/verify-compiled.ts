/** Decodes rows with a model's compiled graphs and on the CPU, and compares logits, answers and metrics. */
import { compareRuntimes, type RuntimeComparison } from "@slm/inference";
import type { StageContext } from "@slm/core";
import type { CompilingProfile } from "@slm/devices";
import type { EvaluationRow } from "@slm/inference";
import { METRICS, type MetricName } from "@slm/metrics";
import type { RuntimeDevice } from "@slm/runtime";
import { createCpuRuntime, createNpuRuntime } from "@slm/runtime-node";

/** Results of the compiled graphs of one chip. */
export interface VerifiedChip extends Omit<RuntimeComparison, "answers"> {
  readonly soc: string;
  /** The device: an NPU, or the vendor's simulator. */
  readonly device: RuntimeDevice;
  /** Metrics of this device's answers, and of ONNX Runtime's answers on the CPU with the same graphs. */
  readonly metrics: Readonly<Record<string, { readonly cpu: number; readonly device: number }>>;
}

interface VerifyRequest {
  /** Directory with compiled graphs. */
  readonly model: string;
  readonly profile: CompilingProfile;
  readonly socs: readonly string[];
  readonly rows: readonly EvaluationRow[];
  readonly metrics: readonly MetricName[];
  readonly threads: number | undefined;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** One entry per chip, in order. @throws SlmError as opening the device, loading and generating */
export async function verifyCompiled(request: VerifyRequest): Promise<readonly VerifiedChip[]> {
  const verified: VerifiedChip[] = [];
  for (const soc of request.socs) verified.push(await verifyChip(soc, request));
  return verified;
}

async function verifyChip(soc: string, request: VerifyRequest): Promise<VerifiedChip> {
  const { model, profile, rows, metrics, threads, context } = request;
  const device = await createNpuRuntime({ profile, soc, threads, fallback: false });
  const reference = await createCpuRuntime({ threads }).catch(async (error: unknown) => {
    await device.close();
    throw error;
  });
  try {
    const { answers, ...found } = await compareRuntimes(
      model,
      { reference, device },
      {
        rows,
        signal: context.signal,
        onRow: (step) => {
          context.progress({ stage: "compile", step, total: rows.length, message: `verifying ${soc}` });
        },
      },
    );
    const references = rows.map((row) => row.references);
    const measured = metrics.map((name) => {
      const score = (given: readonly string[]): number => METRICS[name].compute(given, references);
      return [name, { cpu: score(answers.reference), device: score(answers.device) }] as const;
    });
    return { soc, device: device.device, ...found, metrics: Object.fromEntries(measured) };
  } finally {
    await device.close();
    await reference.close();
  }
}
