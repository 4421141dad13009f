/** Describes what each plug-in offers on this machine, why it does not work, and where to get plug-ins that are not installed. */
import {
  bytesOf,
  KNOWN_NAMES,
  isKnownName,
  knownPlugin,
  listPlugins,
  obtainCommand,
  openableOf,
  pluginsFolder,
  thisPlatform,
  type DeviceId,
  type InstalledPlugin,
  type KnownName,
  type PluginState,
} from "@slm/runtime-native/plugins";
import type { PluginDevice, ProbePlugin } from "./probe-plugin.js";

export interface InstalledFinding {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly state: PluginState["state"];
  /** Whether its library lists a device on this machine. */
  readonly available: boolean;
  readonly reason: string;
  readonly devices: readonly PluginDevice[];
  /** Names of slm's devices that it opens. */
  readonly serves: readonly DeviceId[];
  /** The provider library in `folder`; null if `plugin.json` cannot be read. */
  readonly library: string | null;
  readonly registrationName: string | null;
  readonly bytes: number;
  /** The licence that its package declares. */
  readonly licence: string | null;
  readonly licenceFiles: readonly string[];
  readonly folder: string;
}

/** A known plug-in that is not installed. */
export interface AbsentFinding {
  readonly name: KnownName;
  readonly title: string;
  readonly serves: readonly DeviceId[];
  /** Requirements in addition to its package. */
  readonly needs: string;
  /** The command that downloads its package; null if there is no package for this platform. */
  readonly obtain: string | null;
  readonly reason: string;
}

export interface PluginFindings {
  readonly folder: string;
  readonly installed: readonly InstalledFinding[];
  readonly absent: readonly AbsentFinding[];
}

/**
 * @param probe asks a plug-in's library for its devices. Default: in a process of its own
 * @param options `check` compares the bytes of every file with those that were unpacked. Default: only names and sizes
 */
export async function examinePlugins(
  probe?: ProbePlugin,
  options: { readonly check?: boolean } = {},
): Promise<PluginFindings> {
  const asked = probe ?? (await import("./probe-plugin.js")).probePlugin;
  const all = await listPlugins(options);
  const installed: InstalledFinding[] = [];
  for (const plugin of all) installed.push(await examineOne(plugin, asked));
  const present = new Set(all.map(({ name }) => name));
  const absent = KNOWN_NAMES.filter((name) => !present.has(name)).map(absentFinding);
  return { folder: pluginsFolder(), installed, absent };
}

async function examineOne(plugin: InstalledPlugin, probe: ProbePlugin): Promise<InstalledFinding> {
  const { name, version, platform, state, folder, manifest } = plugin;
  const about = {
    name,
    version,
    platform,
    state,
    serves: manifest?.serves ?? [],
    library: manifest?.library ?? null,
    registrationName: manifest?.registrationName ?? null,
    bytes: manifest === undefined ? 0 : bytesOf(manifest),
    licence: manifest?.licence.declared ?? null,
    licenceFiles: manifest?.licence.files ?? [],
    folder,
  };
  const usable = openableOf(plugin);
  if (usable === undefined) {
    const reason = plugin.state === "ok" ? "ok" : `${state}: ${plugin.reason}`;
    return { ...about, available: false, reason, devices: [] };
  }
  const answer = await probe(usable);
  if ("reason" in answer) return { ...about, available: false, reason: answer.reason, devices: [] };
  const { devices } = answer;
  return { ...about, available: devices.length > 0, reason: devicesText(name, devices), devices };
}

function devicesText(plugin: string, devices: readonly PluginDevice[]): string {
  const known = isKnownName(plugin) ? knownPlugin(plugin) : undefined;
  if (devices.length === 0) {
    const needs = known === undefined ? "" : `; it needs ${known.needs}`;
    return `its library loads, but lists no device on this machine${needs}`;
  }
  const onCpu = known?.onCpu ?? null;
  return devices
    .map(({ name, vendor, type }) => {
      const meaning = type === "cpu" && onCpu !== null ? `: ${onCpu}` : "";
      return `${name} on ${type} (${vendor})${meaning}`;
    })
    .join(", ");
}

function absentFinding(name: KnownName): AbsentFinding {
  const { title, serves, needs, platforms } = knownPlugin(name);
  const here = thisPlatform();
  const isPublished = platforms.some((platform) => platform === here);
  return {
    name,
    title,
    serves,
    needs,
    obtain: isPublished ? obtainCommand(name) : null,
    reason: isPublished ? "not added" : `there is no package for ${here}`,
  };
}
