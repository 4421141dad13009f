/** Asks a plug-in's library for its devices, in a separate process because a vendor's library can crash. */
import { SlmError } from "@slm/core/errors";
import { devicesOf } from "@slm/runtime-native";
import type { Plugin } from "@slm/runtime-native/plugins";

export interface PluginDevice {
  /** Name of the execution provider. */
  readonly name: string;
  readonly vendor: string;
  readonly type: "cpu" | "gpu" | "npu" | "unknown";
}

/** The devices that a plug-in lists, or the reason why it lists none. */
export type PluginDevices = { readonly devices: readonly PluginDevice[] } | { readonly reason: string };

export type ProbePlugin = (plugin: Plugin) => Promise<PluginDevices>;

/** Loading the largest known library and asking the driver takes a second. */
const TIMEOUT_MS = 30_000;

/** Returns a reason, not an error, if a library cannot be loaded or crashes. */
export async function probePlugin(plugin: Plugin): Promise<PluginDevices> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const listed = await devicesOf(plugin, timeout);
    return {
      devices: listed.map(({ provider: name, vendor, kind: type }) => ({ name, vendor, type })),
    };
  } catch (error) {
    if (timeout.aborted) return { reason: `its library did not answer in ${TIMEOUT_MS / 1000} s` };
    if (error instanceof SlmError) return { reason: error.message };
    throw error;
  }
}
