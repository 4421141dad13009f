/** Loads the extensions that `slm.config.ts` of a directory exports. They are code, and run with the rights of the process. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import "./provide-library.js";

/** File names, in order of precedence. */
const CONFIG_FILES = ["slm.config.ts", "slm.config.mts", "slm.config.js", "slm.config.mjs"] as const;

/**
 * Uses the extensions in `slm.config.ts` of a directory, if the file exists. Every command calls this function when it starts.
 *
 * The file is not loaded from an artifact, such as a third-party bundle: code is loaded only from the user's own directories.
 *
 * @throws SlmError as `useExtensions`
 */
export async function useConfigFile(folder: string, note: (text: string) => void): Promise<void> {
  const file = CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (file === undefined) return;
  const { MANIFEST_FILE } = await import("@slm/core");
  if (existsSync(join(folder, MANIFEST_FILE))) {
    note(`${file} is not loaded: this directory has a ${MANIFEST_FILE}, so it may be a third-party model`);
    return;
  }
  const { useExtensions } = await import("@slm/extensions");
  await useExtensions([`./${file}`], folder);
}
