/** Loads modules that export extensions, in TypeScript or JavaScript. Runs their code with the rights of the process. */
import { stat } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { SlmError } from "@slm/core";
import { LIBRARY_NAME, providedLibrary } from "@slm/core/library";
import { useExtension, type Extension } from "./extension.js";

const EXPECTED = 'export default defineExtension({ name: "mine", metrics: { ... } })';

/**
 * Loads modules and adds the extensions that they export.
 *
 * @param names files, relative to `folder`, or packages that are installed there
 * @throws SlmError INPUT_MISSING for a file that does not exist, DATA_INVALID for a module that throws or does not export an extension, and
 * errors of `useExtension`
 */
export async function useExtensions(names: readonly string[], folder: string): Promise<void> {
  for (const name of names)
    for (const extension of extensionsOf(name, await importModule(name, folder))) useExtension(extension);
}

async function importModule(name: string, folder: string): Promise<object> {
  const isFile = name.startsWith(".") || extname(name) !== "";
  const path = isFile ? resolve(folder, name) : name;
  if (isFile && !(await stat(path).catch(() => undefined))?.isFile())
    throw new SlmError("INPUT_MISSING", `extensions: ${name}: no such file, expected a module`, {
      context: { module: path },
      suggestions: ["the path of an extension is relative to the recipe's folder"],
    });
  const { createJiti } = await import("jiti");
  const jiti = createJiti(isFile ? path : resolve(folder, "recipe.yaml"), {
    // No cache: an edited module is read again, and no file is written next to it.
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules: { [LIBRARY_NAME]: await providedLibrary() },
  });
  try {
    return await jiti.import<object>(path);
  } catch (error) {
    if (error instanceof SlmError) throw error;
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new SlmError("DATA_INVALID", `extensions: ${name}: loading the module threw: ${reason}`, {
      context: { module: path, folder: dirname(path) },
      suggestions: [EXPECTED],
      cause: error,
    });
  }
}

/** A module exports one extension or a list of them. */
function extensionsOf(name: string, exported: object): readonly Extension[] {
  const value: unknown = "default" in exported ? exported.default : undefined;
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (all.every(isExtension)) return all;
  throw new SlmError("DATA_INVALID", `extensions: ${name}: expected the default export to be an extension`, {
    context: { module: name },
    suggestions: [EXPECTED],
  });
}

const isExtension = (value: unknown): value is Extension =>
  typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
