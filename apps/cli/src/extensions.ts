/**
 * Extensions of the user: those that `slm.config.ts` of the current directory exports, and those that a recipe names. They are code and run
 * with the rights of the process.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Looked for in this order. */
const CONFIG_FILES = ["slm.config.ts", "slm.config.mts", "slm.config.js", "slm.config.mjs"] as const;

/** What an extension imports from us: the running code, wherever it is installed. */
const OWN_MODULES = { "@encdec/slm": (): Promise<object> => import("./library/index.js") };

/** Uses what `slm.config.ts` of a directory exports, if there is such a file. @throws SlmError as `loadExtensions` */
export async function useConfigFile(folder: string): Promise<void> {
  const file = CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (file !== undefined) await useExtensions([`./${file}`], folder);
}

/** Uses the extensions of some modules. @param folder where relative paths start. @throws SlmError as `loadExtensions` */
export async function useExtensions(names: readonly string[], folder: string): Promise<void> {
  if (names.length === 0) return;
  const { loadExtensions } = await import("@slm/extensions");
  await loadExtensions(names, folder, OWN_MODULES);
}
