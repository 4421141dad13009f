/** Rejects corrupt inputs: whatever reads a part of an artifact checks that part first. */
import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { readFailure } from "../files/read-json.js";
import { MANIFEST_FILE, ownManifestText, parseManifestText, type Manifest } from "./manifest.js";
import { SlmError } from "../errors/slm-error.js";
import { shellWord } from "../errors/shell-word.js";
import { compareFile, indexedFiles, type DirectoryProblem, type ExpectedFile } from "./verify.js";

/** Folders above a path that are asked for a manifest: a scheme of a quantized directory, a member of an ensemble. */
const FOLDERS_ABOVE = 3;

export interface IntactOptions {
  /** Folders in `path` that whoever asks does not read, or checks when it reads them. Default: none. */
  readonly except?: readonly string[] | undefined;
  /** What makes a corrupt file anew: a command or a sentence. */
  readonly remake?: string | undefined;
}

/**
 * Checks that a file or directory is what the manifest of its artifact says: the size and the hash of every file in it. Hashes of files
 * that did not change since they were last read are remembered. What belongs to no artifact passes, and files that no manifest lists.
 *
 * @param path an artifact, or anything inside one
 * @throws SlmError DATA_INVALID, naming the first file that differs and how; INPUT_MISSING if `path` does not exist
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
  /** Where the manifest is. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly target: string;
}

/** Checks the files of a manifest that are `target` or below it. */
async function requireListed(listed: Listed): Promise<void> {
  const { directory, manifest, target, except = [] } = listed;
  const { remake = "run the recipe again, which makes it anew, or copy the directory again" } = listed;
  const isAt = (path: string, place: string): boolean => {
    const below = relative(directory, place).split(sep).join("/");
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
    `${join(directory, problem.path)} is corrupt: it ${problem.message}; nothing was computed from it`,
    {
      context: { directory, ...problem },
      suggestions: [`slm verify ${shellWord(directory)}`, remake],
    },
  );
}
