/** Opens a device through the plug-in that the user has added for it. */
import { cpus } from "node:os";
import { SlmError } from "@slm/core";
import { socOf, socsOf, type ProfileName, type Soc, type Target } from "@slm/devices";
import type { Fallback, Runtime } from "@slm/runtime";
import { WHOLE_GRAPH, type SessionSettings } from "@slm/runtime/host";
import { runJob } from "./child.js";
import { openNativeRuntime } from "./native-runtime.js";
import { findPlugin, type Plugin } from "./plugins/index.js";
import type { ListedDevice, NativeProvider } from "./host/provider.js";

/**
 * Provider options for every session. Source: onnxruntime-qnn 2.7.0, docs of the QNN provider: the highest clock while a graph runs,
 * and the compiler's full optimization.
 */
const PROVIDER_OPTIONS: Readonly<Partial<Record<ProfileName, Readonly<Record<string, string>>>>> = {
  qnn: { htp_performance_mode: "burst", htp_graph_finalization_optimization_mode: "3" },
};

/** Name of a plug-in in model.json and messages: "qnn 2.7.0". */
export const pluginTitle = ({ name, version }: Pick<Plugin, "name" | "version">): string =>
  `${name} ${version}`;

/**
 * The provider of a plug-in.
 *
 * @param soc a chip to compile for or to simulate; absent: the one in this machine
 */
export function providerOf(plugin: Plugin, profile: ProfileName, soc?: Soc): NativeProvider {
  return {
    library: plugin.library,
    registrationName: plugin.registrationName,
    preload: plugin.preload,
    options: { ...plugin.options, ...PROVIDER_OPTIONS[profile], ...soc?.options },
    device: soc?.device,
    // Chips that are selected by device metadata are usually not in this machine.
    virtual: Object.keys(soc?.device ?? {}).length > 0,
    plugin: pluginTitle(plugin),
    soc: soc?.name,
  };
}

export interface PluginRuntimeOptions {
  readonly target: Target;
  readonly profile: ProfileName;
  /** The chip to simulate, by its name in the table of chips. Default in a simulation: the profile's first. */
  readonly soc?: string | undefined;
  readonly threads?: number | undefined;
  /** Whether the device must compute every node. Default: on an NPU. */
  readonly whole?: boolean | undefined;
  /** Devices that were tried before, for the runtime's `device`. Default: none. */
  readonly fallbacks?: readonly Fallback[] | undefined;
}

/**
 * Devices that a plug-in lists here.
 *
 * @param signal ends the child process that loads the library
 * @throws SlmError DEVICE_UNAVAILABLE if its library cannot be loaded or ends its process; INTERRUPTED if the signal fires
 */
export const devicesOf = (plugin: Plugin, signal?: AbortSignal): Promise<readonly ListedDevice[]> =>
  runJob(
    "devices",
    {
      library: plugin.library,
      registrationName: plugin.registrationName,
      preload: plugin.preload,
      options: {},
    },
    signal,
  );

/**
 * Opens a device through its plug-in. If the vendor's library simulates the device on the CPU, the runtime's `device` is `simulated`.
 *
 * @returns undefined if no plug-in for the device has been added
 * @throws SlmError DEVICE_UNAVAILABLE if the plug-in lists no device or cannot be loaded; DATA_INVALID if it is corrupt; USAGE for an
 * unknown chip
 */
export async function openPluginRuntime({
  target,
  profile,
  soc: socName,
  threads,
  whole = target === "npu",
  fallbacks = [],
}: PluginRuntimeOptions): Promise<Runtime | undefined> {
  const plugin = await findPlugin(target, profile);
  if (plugin === undefined) return undefined;
  const devices = await devicesOf(plugin);
  const [device] = devices;
  if (device === undefined) {
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `plug-in ${pluginTitle(plugin)} lists no device on this machine`,
      {
        suggestions: ["slm doctor"],
      },
    );
  }
  // A plug-in that lists the CPU as its device simulates another device there.
  const simulated = target !== "cpu" && device.kind === "cpu";
  const chosen = socName ?? (simulated ? socsOf(profile)[0]?.name : undefined);
  const soc = chosen === undefined ? undefined : socOf(profile, chosen);
  const settings: SessionSettings = whole ? WHOLE_GRAPH : {};
  return openNativeRuntime({
    provider: providerOf(plugin, profile, soc),
    settings,
    threads,
    device: {
      provider: profile,
      simulated,
      description: describe(plugin, device, soc, simulated),
      fallbacks,
    },
  });
}

function describe(
  plugin: Plugin,
  { vendor, kind }: ListedDevice,
  soc: Soc | undefined,
  simulated: boolean,
): string {
  if (!simulated) return `${vendor} ${kind.toUpperCase()}, plug-in ${pluginTitle(plugin)}`;
  const chip = soc === undefined ? "" : ` for ${soc.name} (${soc.generation})`;
  return `simulator of plug-in ${pluginTitle(plugin)}${chip} on ${cpus()[0]?.model.trim() ?? "a CPU"}`;
}
