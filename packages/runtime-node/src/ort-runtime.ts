/** ONNX Runtime, on any execution provider that onnxruntime-node has, as a `Runtime`. */
import { availableParallelism, cpus } from "node:os";
import { SlmError } from "@slm/core";
import type { ProviderSettings } from "@slm/devices";
import type { Int8Arithmetic, Runtime, RuntimeDevice } from "@slm/runtime";
import { DirectChannel, HostRuntime, type SessionSettings } from "@slm/runtime/host";
import { EXACT_INT8, measureInt8 } from "./ort/int8-probe.js";
import { quietLibraries } from "./ort/ort-binding.js";
import { OrtHost } from "./ort/ort-host.js";
import { openWorkerChannel } from "./worker-channel.js";

export interface OrtRuntimeOptions {
  /** Package name for error messages. */
  readonly name: string;
  /** Execution providers in order of preference. ONNX Runtime's CPU provider computes the nodes that none of them supports. */
  readonly providers: readonly ProviderSettings[];
  readonly settings?: SessionSettings | undefined;
  /** Known facts about the device. Threads and other details are filled in. */
  readonly device: Partial<RuntimeDevice> & Pick<RuntimeDevice, "provider">;
  /** Threads that one operator may use. Default: the CPUs available to this process, or one for graphs that are declared small. */
  readonly threads?: number | undefined;
  /**
   * Run ONNX Runtime in the calling thread. A run then blocks the event loop, but tensors are not copied between threads.
   * Default false: a worker thread owns ONNX Runtime and every device tensor.
   */
  readonly inThread?: boolean | undefined;
}

/**
 * Opens ONNX Runtime with execution providers; see {@link HostRuntime} for the order of calls. Device tensors are in host memory for every provider,
 * because onnxruntime-node has no IO binding. Each run copies them to a device with its own memory.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, USAGE if `threads` is not a positive integer.
 */
export async function openOrtRuntime(options: OrtRuntimeOptions): Promise<Runtime> {
  const { name, providers, settings = {}, threads = availableParallelism(), inThread = false } = options;
  const sparesThreads = options.threads === undefined;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new SlmError("USAGE", `${name}: threads must be a positive integer, got ${String(threads)}`);
  }
  if (!inThread) await quietLibraries();
  const channel = inThread ? new DirectChannel(new OrtHost()) : openWorkerChannel();
  let int8: Int8Arithmetic | undefined;
  try {
    await channel.call("open", { name, threads, sparesThreads, providers, settings });
    if (providers[0]?.name === "cpu") int8 = await measureInt8(channel);
  } catch (error) {
    await channel.close();
    throw error;
  }
  const description = `${cpus()[0]?.model.trim() ?? "unknown CPU"}${inThread ? ", in the calling thread" : ""}`;
  return new HostRuntime(channel, {
    name,
    device: { threads, description, simulated: false, fallbacks: [], int8, ...options.device },
    settings: int8?.saturates === true ? EXACT_INT8 : undefined,
  });
}
