/** Finds input files of tasks that are not in the repository. `tools/data/fetch.mjs` downloads them to the user's cache. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { userCacheFolder } from "@slm/core";
import { SlmError } from "@slm/core/errors";

/** Folders in the cache, and their names in `tools/data/fetch.mjs`. */
const SOURCES = {
  "cldr-dates-full-48.2.0": "cldr",
  "debian-bookworm": "debian",
} as const;

export type SourceFolder = keyof typeof SOURCES;

/**
 * The folder of a source: from the recipe, otherwise in the user's cache. Reads SLM_CACHE.
 *
 * @param given the recipe's setting `files`, relative to the task's folder.
 * @throws SlmError INPUT_MISSING with the command that fetches it.
 */
export function sourceFolder(name: SourceFolder, given: string | undefined, directory: string): string {
  const cache = process.env["SLM_CACHE"] || userCacheFolder();
  const folder = given === undefined ? join(cache, "data", name) : resolve(directory, given);
  if (existsSync(folder)) return folder;
  throw new SlmError(
    "INPUT_MISSING",
    `data: expected the files of ${name} in ${folder}, but this folder does not exist`,
    {
      context: { folder },
      suggestions: [`node tools/data/fetch.mjs ${SOURCES[name]}`],
    },
  );
}
