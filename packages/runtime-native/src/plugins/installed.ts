/** Plug-ins in the user's cache: `<folder>/<name>/<version>/<platform>/`, each with its `plugin.json`. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ifThere, SlmError, hashFile, resolveInside, userCacheFolder } from "@slm/core";
import type { ProfileName, Target } from "@slm/devices";
import { ONNX_RUNTIME_VERSION, isKnownName, knownPlugin, obtainCommand, type DeviceId } from "./known.js";
import {
  FILES_FOLDER,
  PLUGIN_NAME,
  PLUGIN_VERSION,
  pluginOf,
  readPluginManifest,
  type Plugin,
  type PluginManifest,
} from "./plugin.js";
import { PLATFORMS, thisPlatform } from "./platform.js";

/** Reads: SLM_PLUGINS, otherwise the user's cache folder. */
export const pluginsFolder = (): string => {
  const given = process.env.SLM_PLUGINS;
  return given === undefined || given === "" ? join(userCacheFolder(), "plugins") : given;
};

/** The folder of one plug-in. */
export const folderOf = (
  root: string,
  { name, version, platform }: Pick<PluginManifest, "name" | "version" | "platform">,
): string => join(root, name, version, platform);

/** Whether a plug-in can be used here. */
export type PluginState =
  | { readonly state: "ok" }
  | { readonly state: "other platform" | "other ONNX Runtime"; readonly reason: string }
  | { readonly state: "corrupt"; readonly reason: string };

export type InstalledPlugin = PluginState & {
  readonly folder: string;
  /** Absent if `plugin.json` cannot be read. `name` and `version` then come from the folder names. */
  readonly manifest?: PluginManifest | undefined;
  readonly name: string;
  readonly version: string;
  readonly platform: string;
};

export interface ListOptions {
  /** Default: {@link pluginsFolder}. */
  readonly folder?: string | undefined;
  /** Whether to compare the bytes of every file, not only its size. */
  readonly check?: boolean | undefined;
}

/** Every installed plug-in, by name, version and platform. Corrupt plug-ins are listed with the reason. @throws SlmError INPUT_MISSING */
export async function listPlugins(options: ListOptions = {}): Promise<readonly InstalledPlugin[]> {
  const { folder: root = pluginsFolder(), check = false } = options;
  const found: InstalledPlugin[] = [];
  for (const name of await foldersOf(root, (entry) => PLUGIN_NAME.test(entry)))
    for (const version of await foldersOf(join(root, name), (entry) => PLUGIN_VERSION.test(entry)))
      for (const platform of await foldersOf(join(root, name, version), isPlatform)) {
        const folder = join(root, name, version, platform);
        found.push({ name, version, platform, folder, ...(await examine(folder, check)) });
      }
  return found;
}

const isPlatform = (entry: string): boolean => PLATFORMS.some((platform) => platform === entry);

/** Names of the folders in a folder, sorted; versions numerically. Empty if the folder does not exist. */
async function foldersOf(folder: string, isWanted: (name: string) => boolean): Promise<readonly string[]> {
  const entries = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isDirectory() && isWanted(entry.name))
    .map((entry) => entry.name)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** Bytes on disk; alternative names of a file count as 0. */
export const bytesOf = ({ files }: Pick<PluginManifest, "files">): number =>
  files.reduce((sum, { bytes, aliasOf }) => sum + (aliasOf === undefined ? bytes : 0), 0);

/** Compares a plug-in's files with its `plugin.json`: their existence and sizes, and with `check` their bytes. */
export async function examine(
  folder: string,
  check: boolean,
): Promise<PluginState & { readonly manifest?: PluginManifest }> {
  try {
    const manifest = await readPluginManifest(folder);
    const corruption = await corruptionOf(folder, manifest, check);
    if (corruption !== undefined) return { manifest, state: "corrupt", reason: corruption };
    if (manifest.platform !== thisPlatform()) {
      const reason = `built for ${manifest.platform}, this is ${thisPlatform()}`;
      return { manifest, state: "other platform", reason };
    }
    const { onnxRuntime } = manifest;
    if (onnxRuntime !== null && onnxRuntime !== ONNX_RUNTIME_VERSION) {
      const reason = `works with ONNX Runtime ${onnxRuntime}, slm uses ${ONNX_RUNTIME_VERSION}`;
      return { manifest, state: "other ONNX Runtime", reason };
    }
    return { manifest, state: "ok" };
  } catch (error) {
    if (error instanceof SlmError) return { state: "corrupt", reason: error.message };
    throw error;
  }
}

/** The problem with the files of a plug-in; undefined if there is none. */
async function corruptionOf(
  folder: string,
  manifest: PluginManifest,
  check: boolean,
): Promise<string | undefined> {
  for (const { path, bytes, sha256 } of manifest.files) {
    const file = resolveInside(join(folder, FILES_FOLDER), path);
    const size = await sizeOf(file);
    if (size === undefined) return `${path} is missing`;
    if (size !== bytes) return `${path} has ${size} bytes, expected ${bytes}`;
    if (check && (await hashFile(file)) !== sha256) return `${path} has changed since it was added`;
  }
  return undefined;
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await ifThere(stat(file));
  return found?.isFile() === true ? found.size : undefined;
}

/**
 * The plug-in that opens a device on this platform, the most recently added if there are several; undefined if none is installed. The sizes of its
 * files are checked, not their bytes.
 *
 * @throws SlmError DATA_INVALID if it is corrupt or needs a different version of ONNX Runtime. Older plug-ins are not tried instead.
 */
export async function findPlugin(
  target: Target,
  profile: ProfileName,
  folder?: string,
): Promise<Plugin | undefined> {
  const device = `${target}:${profile}`;
  return lastAdded(await listPlugins({ folder }), (plugin) => servedBy(plugin).some((one) => one === device));
}

/** Devices of a plug-in: if its `plugin.json` cannot be read, those of its name. */
function servedBy({ manifest, name }: InstalledPlugin): readonly DeviceId[] {
  if (manifest !== undefined) return manifest.serves;
  return isKnownName(name) ? knownPlugin(name).serves : [];
}

function lastAdded(
  installed: readonly InstalledPlugin[],
  isWanted: (plugin: InstalledPlugin) => boolean,
): Plugin | undefined {
  const wanted = installed.filter((plugin) => plugin.platform === thisPlatform() && isWanted(plugin));
  // An unreadable plug-in counts as the most recent, so that it is reported instead of ignored.
  const added = ({ manifest }: InstalledPlugin): string => manifest?.licence.acceptedAt ?? "unknown";
  const [found] = wanted.sort((a, b) => (added(a) < added(b) ? 1 : -1));
  if (found === undefined) return undefined;
  const plugin = openableOf(found);
  if (plugin === undefined) throw unusable(found);
  return plugin;
}

/** The parts of an installed plug-in that the runtime needs; undefined unless it is ok. */
export const openableOf = ({ state, manifest, folder }: InstalledPlugin): Plugin | undefined =>
  state === "ok" && manifest !== undefined ? pluginOf(folder, manifest) : undefined;

/** The error for a plug-in that cannot be used. */
function unusable(plugin: InstalledPlugin): SlmError {
  const { name, version, folder, state } = plugin;
  const why = plugin.state === "ok" ? "" : `: ${plugin.reason}`;
  return new SlmError("DATA_INVALID", `plug-in ${name} ${version} cannot be used, ${state}${why}`, {
    context: { name, version, folder, state },
    suggestions: [
      `slm device remove ${name} --version ${version}`,
      isKnownName(name) ? obtainCommand(name) : "slm device add PACKAGE",
    ],
  });
}
