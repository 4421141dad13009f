/** Opens engines, runtimes and thread pools for the duration of a callback. Their packages are loaded only here. */
import type { Runtime } from "@slm/runtime";
import { closing } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import type { OutputThreads } from "@slm/quantization";
import type { Engine } from "@slm/tensor";
import type { Compute, TrainingDevice } from "./compute.js";
import { parseDevice } from "./devices.js";
import { availableParallelism } from "node:os";

/**
 * Opens an engine by name. Closing the engine also closes its runtime.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the engine or the device is not on this machine; USAGE for a device that the engine does not support
 */
async function openEngine({ engine: name, device = "cpu", threads }: Compute): Promise<Engine> {
  const { createEagerEngine, createOnnxEngine } = await import("@slm/tensor");
  if (name !== "onnx") {
    if (device === "cpu") return createEagerEngine(name);
    throw new SlmError("USAGE", `engine ${name}: expected device cpu, got ${device}`, {
      suggestions: ["--engine onnx"],
    });
  }
  const runtime = await openTrainingRuntime(device, threads);
  const engine = createOnnxEngine(runtime);
  return {
    ...engine,
    close: async () => {
      await engine.close();
      await runtime.close();
    },
  };
}

/** ONNX Runtime on this machine's CPU. @throws SlmError DEVICE_UNAVAILABLE */
export async function openRuntime(threads?: number): Promise<Runtime> {
  const { createCpuRuntime } = await import("@slm/runtime-node");
  return createCpuRuntime({ threads });
}

/**
 * ONNX Runtime on the training device. There is no fallback to the CPU, neither for a missing GPU nor for single operators: training would
 * be so slow that an error is better.
 */
async function openTrainingRuntime(device: TrainingDevice, threads: number | undefined): Promise<Runtime> {
  const { kind, profile } = parseDevice(device);
  if (kind === "cpu") return openRuntime(threads);
  const { createGpuRuntime } = await import("@slm/runtime-node");
  return createGpuRuntime({ profile, threads, fallback: false, whole: true });
}

/** Runs `body` with ONNX Runtime on the training device, and closes it afterwards, also after an error. */
export async function withTrainingRuntime<Result>(
  { device = "cpu", threads }: Pick<Compute, "device" | "threads">,
  body: (runtime: Runtime) => Promise<Result>,
): Promise<Result> {
  const runtime = await openTrainingRuntime(device, threads);
  return closing(runtime, () => body(runtime));
}

/** Runs `body` with an engine, and closes the engine afterwards, also after an error. */
export async function withEngine<Result>(
  compute: Compute,
  body: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  const engine = await openEngine(compute);
  return closing(engine, () => body(engine));
}

/** Runs `body` with a CPU runtime, and closes the runtime afterwards, also after an error. */
export async function withRuntime<Result>(
  threads: number | undefined,
  body: (runtime: Runtime) => Promise<Result>,
): Promise<Result> {
  const runtime = await openRuntime(threads);
  return closing(runtime, () => body(runtime));
}

/** Runs `body` with a thread pool that quantizes weights. @param count default: one per CPU */
export async function withOutputThreads<Result>(
  count: number | undefined,
  body: (run: OutputThreads["run"]) => Promise<Result>,
): Promise<Result> {
  const { openOutputThreads } = await import("@slm/quantization");
  const threads = openOutputThreads(count ?? availableParallelism());
  return closing(threads, () => body(threads.run));
}
