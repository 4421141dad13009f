/** The extensions that `slm.config.ts` of a directory exports. They are code and run with the rights of the process. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import "./provide-library.js";

/** Looked for in this order. */
const CONFIG_FILES = ["slm.config.ts", "slm.config.mts", "slm.config.js", "slm.config.mjs"] as const;

/**
 * Uses what `slm.config.ts` of a directory exports. Without such a file nothing is loaded: every command calls this when it starts.
 *
 * The file is not loaded from an artifact, such as a bundle that somebody else made: code comes only from directories of the user.
 *
 * @throws SlmError as `useExtensions`
 */
export async function useConfigFile(folder: string, note: (text: string) => void): Promise<void> {
  const file = CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (file === undefined) return;
  const { MANIFEST_FILE } = await import("@slm/core");
  if (existsSync(join(folder, MANIFEST_FILE))) {
    note(
      `${file} is not loaded: this directory has a ${MANIFEST_FILE}, so it may be a model of somebody else`,
    );
    return;
  }
  const { useExtensions } = await import("@slm/extensions");
  await useExtensions([`./${file}`], folder);
}
