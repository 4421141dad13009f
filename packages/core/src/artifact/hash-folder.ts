import { join } from "node:path";
import { hashJson } from "../hashes/hash.js";
import { knownHash } from "../hashes/known-hash.js";
import { listFiles } from "./verify.js";

/**
 * SHA-256 of the paths and bytes of all files below a folder, independent of their order on disk. Links and other entries that
 * are not regular files are ignored.
 */
export async function hashFolder(directory: string): Promise<string> {
  const files: (readonly [string, string])[] = [];
  for (const path of await listFiles(directory, "", []))
    files.push([path, await knownHash(join(directory, path))]);
  return hashJson(files);
}
