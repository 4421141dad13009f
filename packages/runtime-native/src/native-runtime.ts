/** ONNX Runtime through its C interface, in a child process, as a `Runtime`. */
import { availableParallelism, cpus } from "node:os";
import { SlmError } from "@slm/core";
import type { Runtime, RuntimeDevice } from "@slm/runtime";
import { HostRuntime, type SessionSettings } from "@slm/runtime/host";
import { openNativeChannel } from "./child.js";
import type { NativeProvider } from "./host/provider.js";

const NAME = "runtime-native";

export interface NativeRuntimeOptions {
  /** Absent: ONNX Runtime's CPU provider. */
  readonly provider?: NativeProvider | undefined;
  /** Known facts about the device. Threads and other details are filled in. */
  readonly device: Partial<RuntimeDevice> & Pick<RuntimeDevice, "provider">;
  /** Entries of every session's configuration. */
  readonly settings?: SessionSettings | undefined;
  /** Threads that one operator may use on the CPU. Default: the CPUs available to this process. */
  readonly threads?: number | undefined;
}

/**
 * Opens ONNX Runtime with a plug-in provider; see {@link HostRuntime} for the order of calls. Tensors that are kept between runs stay in device
 * memory if the provider has its own memory. If a vendor's library ends its process, calls fail but this program continues.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime or the plug-in cannot be loaded, or if it lists no matching device; USAGE if
 * `threads` is not a positive integer
 */
export async function openNativeRuntime(options: NativeRuntimeOptions): Promise<Runtime> {
  const { provider, settings = {}, threads = availableParallelism() } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new SlmError("USAGE", `${NAME}: threads must be a positive integer, got ${String(threads)}`);
  }
  const channel = openNativeChannel({ provider });
  try {
    await channel.call("open", { name: NAME, threads, providers: [], settings });
  } catch (error) {
    await channel.close();
    throw error;
  }
  const description = cpus()[0]?.model.trim() ?? "unknown CPU";
  const device = { threads, description, simulated: false, fallbacks: [], ...options.device };
  return new HostRuntime(channel, { name: NAME, device });
}
