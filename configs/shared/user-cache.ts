/** Files that a task's rows are made of and that are not in the repository: `tools/data/fetch.mjs` puts them into the user's cache. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { userCacheFolder } from "@slm/core";
import { SlmError } from "@slm/core/errors";

/** Folders in the cache, and what `tools/data/fetch.mjs` calls them. */
const SOURCES = {
  "cldr-dates-full-48.2.0": "cldr",
  "debian-bookworm": "debian",
} as const;

export type SourceFolder = keyof typeof SOURCES;

/**
 * The folder of a source: the one that the recipe names, else the one in the user's cache. Reads: SLM_CACHE.
 *
 * @param given folder of the recipe's setting `files`, from the folder of the task.
 * @throws SlmError INPUT_MISSING with the command that fetches it.
 */
export function sourceFolder(name: SourceFolder, given: string | undefined, directory: string): string {
  const cache = process.env["SLM_CACHE"] || userCacheFolder();
  const folder = given === undefined ? join(cache, "data", name) : resolve(directory, given);
  if (existsSync(folder)) return folder;
  throw new SlmError(
    "INPUT_MISSING",
    `data: expected the files of ${name} in ${folder}, got no such folder`,
    {
      context: { folder },
      suggestions: [`node tools/data/fetch.mjs ${SOURCES[name]}`],
    },
  );
}
