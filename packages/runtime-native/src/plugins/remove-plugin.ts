/** Removes plug-ins from the user's cache. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { movePath, removePath, SlmError, writeFailure } from "@slm/core";
import { PARTIAL, removeIfEmpty, withPluginLock } from "./install-plugin.js";
import { bytesOf, listPlugins, pluginsFolder, type InstalledPlugin } from "./installed.js";

export interface RemovePluginOptions {
  readonly name: string;
  /** Default: every version. */
  readonly version?: string | undefined;
  /** Default: {@link pluginsFolder}. */
  readonly folder?: string | undefined;
}

export interface RemovedPlugin {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  /** Freed bytes; 0 if its `plugin.json` could not be read. */
  readonly bytes: number;
}

/**
 * Removes a plug-in, intact or corrupt, for all platforms.
 *
 * @throws SlmError INPUT_MISSING if it is not installed, BUSY while another process adds or removes it, OUTPUT_FAILED if the system refuses, as on
 * Windows while a program uses its libraries
 */
export async function removePlugin(options: RemovePluginOptions): Promise<readonly RemovedPlugin[]> {
  const { name, version, folder: root = pluginsFolder() } = options;
  await wanted(root, options);
  return withPluginLock(root, name, async () => {
    const removed: RemovedPlugin[] = [];
    for (const plugin of await wanted(root, options)) {
      await removeFolder(root, plugin);
      const { platform, manifest } = plugin;
      const bytes = manifest === undefined ? 0 : bytesOf(manifest);
      removed.push({ name, version: plugin.version, platform, bytes });
      await removeIfEmpty(join(root, name, plugin.version));
    }
    if (version === undefined) await removeIfEmpty(join(root, name));
    return removed;
  });
}

async function wanted(
  root: string,
  { name, version }: RemovePluginOptions,
): Promise<readonly InstalledPlugin[]> {
  const installed = await listPlugins({ folder: root });
  const found = installed.filter(
    (plugin) => plugin.name === name && (version === undefined || plugin.version === version),
  );
  if (found.length > 0) return found;
  const what = version === undefined ? name : `${name} ${version}`;
  throw new SlmError("INPUT_MISSING", `device remove: plug-in ${what} is not installed in ${root}`, {
    context: { installed: installed.map((plugin) => `${plugin.name} ${plugin.version}`) },
    suggestions: ["slm doctor"],
  });
}

/** Renamed first, so that a plug-in is either complete or absent. */
async function removeFolder(root: string, { name, folder }: InstalledPlugin): Promise<void> {
  const leaving = join(root, name, `${PARTIAL}${randomBytes(6).toString("hex")}`);
  try {
    await movePath(folder, leaving);
    await removePath(leaving);
  } catch (error) {
    throw writeFailure(error, folder, "the plug-in may still be installed");
  }
}
