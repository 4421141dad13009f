/** Names of models on the command line: a path, `org/name`, `org/name@revision`, `hf:org/name/file.gguf`. */
import { isThere, pathProblem, SlmError } from "@slm/core";

export interface HubSource {
  readonly kind: "hub";
  /** `org/name`. */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** One file of the repository; absent for a whole model. */
  readonly file?: string | undefined;
}

export type ModelSource = HubSource | { readonly kind: "local"; readonly path: string };

const PREFIX = "hf:";
export const DEFAULT_REVISION = "main";
/** The hub's rule: names start with a letter, digit or underscore and have at most 96 characters. */
const NAME = "[A-Za-z0-9_][A-Za-z0-9._-]{0,95}";
const REPO = new RegExp(`^${NAME}/${NAME}$`);
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}$/;

/**
 * Parses the name of a model. Without the prefix `hf:`, an existing path takes precedence.
 *
 * @throws SlmError USAGE for `hf:` with an invalid hub id; INPUT_MISSING for a name that is neither a path nor a hub id
 */
export async function parseModelSource(name: string): Promise<ModelSource> {
  if (name.startsWith(PREFIX)) {
    const source = hubSource(name.slice(PREFIX.length));
    if (source !== undefined) return source;
    throw new SlmError(
      "USAGE",
      `'${name}' is not a hub id, expected hf:org/name, hf:org/name@revision or hf:org/name/file.gguf`,
    );
  }
  const exists = await isThere(name);
  if (exists) return { kind: "local", path: name };
  // An id with a file name looks like a mistyped path, so without the prefix only `org/name` is a hub id.
  const source = hubSource(name);
  if (source !== undefined && source.file === undefined) return source;
  throw new SlmError("INPUT_MISSING", `no such model: ${name} is not a file, a directory or a hub id`, {
    context: { name },
    suggestions: [`slm teacher import hf:org/name`, `ls ${name}`],
  });
}

/** `org/name[@revision]` or `org/name[@revision]/file`; undefined for anything else. */
function hubSource(text: string): HubSource | undefined {
  const [org, nameAndRevision, ...rest] = text.split("/");
  const [name, revision = DEFAULT_REVISION, ...more] = (nameAndRevision ?? "").split("@");
  const repo = `${org ?? ""}/${name ?? ""}`;
  const file = rest.length === 0 ? undefined : rest.join("/");
  const isSound =
    more.length === 0 &&
    REPO.test(repo) &&
    !/--|\.\./.test(repo) &&
    REVISION.test(revision) &&
    !revision.includes("..") &&
    (file === undefined || pathProblem(file) === undefined);
  if (!isSound) return undefined;
  return { kind: "hub", repo, revision, file };
}
