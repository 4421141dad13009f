/** Checks stored paths (untrusted input): relative, portable, and never outside their directory. */
import { join, relative, sep } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { z } from "zod";

/** Names of devices on Windows, with any file extension. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/iu;

/** Characters that are invisible or change the text direction: `gpj.exe` can look like `exe.jpg`. */
const UNSEEN = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/u;

/** Why a path is not portable; undefined if it names the same file on every system and is displayed correctly. */
export function portableProblem(path: string): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  if (UNSEEN.test(path))
    return "the path contains characters that are invisible or change the text direction";
  if (/[<>"|?*]/u.test(path)) return 'the path contains one of < > " | ? *, which Windows does not allow';
  for (const part of path.split("/")) {
    if (DEVICES.test(part)) return `'${part}' is the name of a device on Windows`;
    if (/[. ]$/u.test(part)) return `'${part}' ends in a dot or a space, which Windows removes`;
  }
  return undefined;
}

/**
 * The first problem of a directory's paths, with its index: a path that is not portable, two paths that are one file on a system that
 * ignores case or composes accents, or a file where another path needs a folder.
 */
export function pathsProblem(
  paths: readonly string[],
): { readonly index: number; readonly problem: string } | undefined {
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const [index, path] of paths.entries()) {
    const own = portableProblem(path);
    if (own !== undefined) return { index, problem: own };
    const key = path.normalize("NFC").toLowerCase();
    const other = files.get(key) ?? folders.get(key);
    if (other !== undefined) {
      const problem =
        other === path
          ? `'${path}' is listed twice`
          : `'${path}' and '${other}' are the same file on some systems`;
      return { index, problem };
    }
    files.set(key, path);
    for (let slash = key.indexOf("/"); slash !== -1; slash = key.indexOf("/", slash + 1)) {
      const file = files.get(key.slice(0, slash));
      if (file !== undefined) return { index, problem: `'${path}' is inside '${file}', which is a file` };
      folders.set(key.slice(0, slash), path);
    }
  }
  return undefined;
}

/** A path relative to a folder as manifests and reports store it: with forward slashes on every system. */
export function storedPath(
  folder: string,
  path: string,
  system: { readonly relative: typeof relative; readonly sep: string } = { relative, sep },
): string {
  return system.relative(folder, path).split(system.sep).join("/");
}

/** The problem of a stored path; undefined if it is safe to join to a directory. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "the path is empty";
  if (path.length > 4096) return "the path is longer than 4096 characters";
  // Backslashes and colons are separators and drive letters on Windows. They are rejected on every system, so that artifacts stay portable.
  if (/[\\:]|\p{Cc}/u.test(path)) return "the path contains a backslash, a colon or a control character";
  if (/\p{Cs}/u.test(path)) return "the path is not well-formed text";
  if (path.startsWith("/")) return "the path is absolute";
  const segments = path.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return "the path has an empty, '.' or '..' part";
  }
  return undefined;
}

/** Schema of a stored path. */
export const relativePath = z.string().superRefine((path, context) => {
  const problem = pathProblem(path);
  if (problem !== undefined) context.addIssue({ code: "custom", message: `'${path}': ${problem}` });
});

/** Joins a stored path to its directory. @throws SlmError DATA_INVALID if it would leave the directory. */
export function resolveInside(directory: string, path: string): string {
  const problem = pathProblem(path);
  if (problem !== undefined) {
    throw new SlmError("DATA_INVALID", `${directory}: rejected path '${path}': ${problem}`, {
      context: { directory, path },
    });
  }
  return join(directory, path);
}
