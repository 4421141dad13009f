/**
 * The list of a folder's files, for folders with too many files to name them all in the manifest.
 *
 * The manifest contains the hash of the list, and the list contains the hashes of the files, so every file is verified. The list has the
 * format of `sha256sum`: `sha256sum -c SHA256SUMS` inside the folder checks it without slm.
 */
import { join } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { pathsProblem } from "../files/relative-path.js";
import { readTextFile } from "../files/read-json.js";

/** Name of the list in its folder. */
export const INDEX_FILE = "SHA256SUMS";

/** Size limit of a list [bytes]: enough for two million files. */
const INDEX_LIMIT_BYTES = 256 * 1024 * 1024;

/** One file of a list. A list does not record sizes. */
export interface IndexedFile {
  readonly path: string;
  readonly sha256: string;
}

/** The list as text, in the order of the paths. */
export function formatIndex(files: readonly IndexedFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
}

/**
 * The files of a list. Their paths and `indexPath` are relative to `directory`.
 *
 * @throws SlmError INPUT_MISSING if the list does not exist; DATA_INVALID if it is malformed, or names a file twice or a file outside its
 * folder.
 */
export async function readIndex(directory: string, indexPath: string): Promise<readonly IndexedFile[]> {
  const text = await readTextFile(join(directory, indexPath), { limitBytes: INDEX_LIMIT_BYTES });
  const folder = indexPath.slice(0, indexPath.length - INDEX_FILE.length);
  const files = parseIndex(text, `${directory}/${indexPath}`);
  return files.map(({ path, sha256 }) => ({ path: `${folder}${path}`, sha256 }));
}

/** @throws SlmError DATA_INVALID; the message calls the list `name` */
export function parseIndex(text: string, name: string): readonly IndexedFile[] {
  const lines = text.split("\n");
  const last = lines.pop();
  if (last !== "") throw invalid(name, lines.length + 1, "the last line is incomplete");
  const files = lines.map((line, index) => {
    const [, sha256, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (sha256 === undefined || path === undefined) {
      throw invalid(name, index + 1, "expected 64 hexadecimal digits, two spaces and a path");
    }
    return { path, sha256 };
  });
  const found = pathsProblem(files.map(({ path }) => path));
  if (found !== undefined) throw invalid(name, found.index + 1, found.problem);
  return files;
}

function invalid(name: string, line: number, reason: string): SlmError {
  return new SlmError("DATA_INVALID", `${name}:${line}: ${reason}`, { context: { file: name, line } });
}
