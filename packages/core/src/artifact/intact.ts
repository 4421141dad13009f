/** Rejects corrupt inputs. Code that reads a part of an artifact checks that part first. */
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { storedPath } from "../files/relative-path.js";
import { readFailure } from "../files/read-json.js";
import { MANIFEST_FILE, ownManifestText, parseManifestText, type Manifest } from "./manifest.js";
import { SlmError } from "../errors/slm-error.js";
import { shellWord } from "../errors/shell-word.js";
import { compareFile, indexedFiles, type DirectoryProblem, type ExpectedFile } from "./verify.js";

/** How many parent folders of a path are searched for a manifest, for a scheme of a quantized directory or a member of an ensemble. */
const FOLDERS_ABOVE = 3;

export interface IntactOptions {
  /** Folders in `path` that the caller does not read, or checks later. Default: none. */
  readonly except?: readonly string[] | undefined;
  /** How to restore a corrupt file: a command or a sentence. */
  readonly remake?: string | undefined;
}

/**
 * Compares the size and hash of every file in a file or directory with the manifest of its artifact. Hashes of files that have not changed
 * since they were last read come from the cache. Files outside an artifact and files that a manifest does not list are not checked.
 *
 * @param path an artifact, or anything inside one
 * @throws SlmError DATA_INVALID, naming the first file that differs, and the difference; INPUT_MISSING if `path` does not exist
 */
export async function requireIntact(path: string, options: IntactOptions = {}): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw readFailure(error, path);
  });
  const target = resolve(path);
  let directory = found.isDirectory() ? target : dirname(target);
  for (let above = 0; above <= FOLDERS_ABOVE; above += 1) {
    const text = await ownManifestText(directory);
    if (text !== undefined)
      return requireListed({
        directory,
        manifest: parseManifestText(text, join(directory, MANIFEST_FILE)),
        target,
        ...options,
      });
    if (dirname(directory) === directory) return;
    directory = dirname(directory);
  }
}

interface Listed extends IntactOptions {
  /** Directory of the manifest. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly target: string;
}

/** Checks `target` and the files of the manifest below it. */
async function requireListed(listed: Listed): Promise<void> {
  const { directory, manifest, target, except = [] } = listed;
  const { remake = "run the recipe again to recreate it, or copy the directory again" } = listed;
  const isAt = (path: string, place: string): boolean => {
    const below = storedPath(directory, place);
    return below === "" || path === below || path.startsWith(`${below}/`);
  };
  const isAsked = ({ path }: ExpectedFile): boolean =>
    isAt(path, target) && !except.some((folder) => isAt(path, join(target, folder)));
  const problems: DirectoryProblem[] = [];
  const indexed = await indexedFiles(directory, manifest, problems);
  for (const file of [...manifest.outputs, ...indexed].filter(isAsked)) {
    if (problems.length > 0) break;
    const problem = await compareFile(directory, file, "known");
    if (problem !== undefined) problems.push(problem);
  }
  const [problem] = problems;
  if (problem === undefined) return;
  throw new SlmError(
    "DATA_INVALID",
    `${join(directory, problem.path)} is corrupt: it ${problem.message}; it was not used`,
    {
      context: { directory, ...problem },
      suggestions: [`slm verify ${shellWord(directory)}`, remake],
    },
  );
}
