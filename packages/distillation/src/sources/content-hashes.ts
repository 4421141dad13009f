/** Hashes the inputs of a run. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isThere, hashFile, hashJson } from "@slm/core";

/** Files that determine a model's output: files of a checkpoint, a graph, an ensemble, or a cache (`cache.json` has its hashes). */
const MODEL_FILE = /(\.safetensors|\.json|teacher-\w+\.jsonl|(^|[\\/])graph[\\/].+)$/u;
/** Descriptive files. They may change if their stage runs again. */
const DESCRIBING = new Set(["manifest.json"]);

/** Hash of a model's files by relative path and contents, independent of the directory's path. */
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
