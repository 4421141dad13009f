/** The extensions that `slm.config.ts` of a directory exports. They are code and run with the rights of the process. */
import { provideLibrary, useExtensions } from "@slm/extensions";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Looked for in this order. */
const CONFIG_FILES = ["slm.config.ts", "slm.config.mts", "slm.config.js", "slm.config.mjs"] as const;

provideLibrary(() => import("../index.js"));

/** Uses what `slm.config.ts` of a directory exports, if there is such a file. @throws SlmError as `useExtensions` */
export async function useConfigFile(folder: string): Promise<void> {
  const file = CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (file !== undefined) await useExtensions([`./${file}`], folder);
}
