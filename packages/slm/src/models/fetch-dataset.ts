/** Downloads a data set from the hub. */
import { fetchDatasetFile } from "@slm/checkpoints";
import { writeFailure } from "@slm/core";
import { formatByEnding } from "@slm/data";
import { existsSync } from "node:fs";
import { constants, copyFile } from "node:fs/promises";
import { basename } from "node:path";
import { contextOf, type WorkOptions } from "@slm/pipeline/stage/work";

/**
 * Downloads one file of a data set into the current directory. If the file exists, it is used unchanged.
 *
 * @param name `hub:org/name[@revision][/file]`
 * @returns its path
 * @throws SlmError as `fetchDatasetFile`; OUTPUT_FAILED if it cannot be written
 */
export async function fetchDataset(name: string, options: WorkOptions): Promise<string> {
  const { progress, signal, note } = contextOf(options);
  const isRows = (path: string): boolean => formatByEnding(path) !== undefined;
  const found = await fetchDatasetFile(name, isRows, { progress, signal });
  const path = `${basename(found.repo)}-${basename(found.name)}`;
  if (existsSync(path)) {
    note(`${path} already exists and is used`);
    return path;
  }
  try {
    await copyFile(found.path, path, constants.COPYFILE_EXCL);
  } catch (error) {
    throw writeFailure(error, path, "nothing was written");
  }
  note(
    `${path}: ${found.name} of the data set ${found.repo} at ${found.commit.slice(0, 12)}; see its page for the licence`,
  );
  return path;
}
