/** Runs an evaluation on this machine or on workers, and returns the devices that answered. */
import { type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { EngineChoice } from "@slm/exported-model/engine";
import type { ChunkMaker } from "@slm/inference";
import type { RuntimeDevice } from "@slm/runtime";
import type { DeviceKind } from "@slm/pipeline/compute/devices";
import type { WorkersAddress } from "@slm/pipeline/workers/workers-address";

export interface AnsweringRequest {
  /** If absent, this machine answers. */
  readonly workers: WorkersAddress | undefined;
  /** Directory of an exported model. */
  readonly model: string;
  readonly chosen: EngineChoice;
  /** What answers on this machine, and the kind of its device. */
  readonly device: RuntimeDevice;
  readonly kind: DeviceKind;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/**
 * Runs `body` with an answerer: the workers, or without workers this machine.
 *
 * @returns its result and the different devices that answered, at least one
 * @throws SlmError USAGE for workers with a model or device other than the CPU
 */
export async function answeringWith<Result>(
  { workers, model, chosen, device, kind, context }: AnsweringRequest,
  body: (maker: ChunkMaker | undefined) => Promise<Result>,
): Promise<{ readonly result: Result; readonly devices: readonly RuntimeDevice[] }> {
  if (workers === undefined) return { result: await body(undefined), devices: [device] };
  if (kind !== "cpu")
    throw new SlmError("USAGE", `--workers: workers answer on their CPUs, but this model runs on ${kind}`, {
      suggestions: ["--device cpu", "leave --workers out"],
    });
  const { withEvaluationWorkers } = await import("./evaluation-workers.js");
  const devices: RuntimeDevice[] = [];
  const onDevice = (answering: RuntimeDevice): void => void devices.push(answering);
  const result = await withEvaluationWorkers(workers, { model, chosen, context, onDevice }, body);
  return { result, devices };
}
