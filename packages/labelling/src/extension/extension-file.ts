/** `labeller.json`: the file that describes a teacher that is an extension's labeller. */
import { join } from "node:path";
import { hashJson, readJsonFile, SlmError, writeJsonAtomic } from "@slm/core";
import { EXTENSION_FILE } from "@slm/teacher";
import { z } from "zod";
import { fileHashes } from "../command/command-file.js";
import type { Labeller } from "../labeller/labeller.js";
import type { ExtensionTeacherConfig } from "./extension-config.js";
import { LABELLERS } from "./labeller-kinds.js";

const extensionFile = z.strictObject({
  version: z.literal(1),
  labeller: z.string(),
  settings: z.record(z.string(), z.unknown()),
  /** Hashes of the files that the labeller reads, in the order of the settings. */
  files: z.array(z.string()),
});

/** Writes the directory of a labeller. @throws SlmError INPUT_MISSING for a file that does not exist, OUTPUT_FAILED */
export async function writeExtensionFile(
  directory: string,
  { labeller, settings, files }: ExtensionTeacherConfig,
): Promise<void> {
  const contents = { version: 1, labeller, settings, files: await fileHashes(files) };
  await writeJsonAtomic(join(directory, EXTENSION_FILE), contents);
}

/**
 * Opens the labeller of a directory.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID if no loaded extension has the labeller
 */
export async function openExtensionLabeller(directory: string): Promise<Labeller> {
  const {
    labeller: name,
    settings,
    files,
  } = await readJsonFile(join(directory, EXTENSION_FILE), extensionFile);
  const kind = LABELLERS.get(name);
  if (kind === undefined)
    throw new SlmError("CONFIG_INVALID", `teacher: no loaded extension has the labeller '${name}'`, {
      context: { directory, labeller: name, loaded: LABELLERS.names },
      suggestions: [
        "name the extension in the recipe: extensions: [./FILE.ts]",
        "export it from slm.config.ts",
      ],
    });
  const { answer, refuses, close } = await kind.open(settings);
  return {
    name,
    identity: hashJson({ labeller: name, settings, files }),
    answer,
    refuses,
    close: close ?? (() => Promise.resolve()),
  };
}
