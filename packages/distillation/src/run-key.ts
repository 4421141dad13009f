/** The key of a run: a hash of everything it reads. A state with another key must not be resumed. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hashFile, hashJson, readJsonFile, writeJsonAtomic, SlmError } from "@slm/core";
import { STATE_FILE } from "@slm/training";
import { z } from "zod";

/** Files that determine a model's outputs: of a checkpoint, a graph, an ensemble, or a cache (`cache.json` has its hashes). */
const MODEL_FILE = /(\.safetensors|\.json|teacher-\w+\.jsonl|(^|[\\/])graph[\\/].+)$/u;
/** Descriptive files, which a rerun of their stage may change. */
const DESCRIBING = new Set(["manifest.json"]);

/** Hash of a model's files by relative path and contents; the path of the directory does not count. */
export async function modelHash(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true }))
    .filter((name) => MODEL_FILE.test(name) && !DESCRIBING.has(name.split(/[\\/]/u).at(-1)!))
    .sort();
  const hashes: Record<string, string> = {};
  for (const name of names) hashes[name.replaceAll("\\", "/")] = await hashFile(join(directory, name));
  return hashJson(hashes);
}

/** Hash of a file's contents; a constant for a missing file. */
export async function fileHash(path: string): Promise<string> {
  return (await isThere(path)) ? hashFile(path) : "absent";
}

/** File with the key of the run that uses the work directory. */
export const RUN_FILE = "run.json";

const runSchema = z.strictObject({ key: z.string() });

/** Claims a work directory for this run, before anything costly is computed in it.
 *
 * @throws SlmError DATA_INVALID if it holds the state of a run with another key.
 */
export async function claimWorkDirectory(directory: string, key: string): Promise<void> {
  const path = join(directory, RUN_FILE);
  if ((await isThere(path)) && (await isThere(join(directory, STATE_FILE)))) {
    const held = await readJsonFile(path, runSchema);
    if (held.key !== key) {
      throw new SlmError(
        "DATA_INVALID",
        `${directory}: the saved state belongs to a run with other data, tokenizer, teacher or settings`,
        { suggestions: ["train without --resume to start over"] },
      );
    }
  }
  await writeJsonAtomic(path, { key });
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
