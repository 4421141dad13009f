/** Checks stored paths (untrusted input): relative, portable, and never outside their directory. */
import { join } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { z } from "zod";

/** Names that are devices on Windows, with any ending. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/iu;

/** What is not seen, or changes the direction of the text around it: `gpj.exe` may look like `exe.jpg`. */
const UNSEEN = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/u;

/**
 * The problem of a path that another machine made and a third one may read; undefined if every system takes it for the same file and shows
 * it as it is.
 */
function portableProblem(path: string): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  if (UNSEEN.test(path)) return "the path holds characters that are not seen or change the direction of text";
  if (/[<>"|?*]/u.test(path)) return 'the path holds one of < > " | ? *, which Windows does not allow';
  for (const part of path.split("/")) {
    if (DEVICES.test(part)) return `'${part}' is a device on Windows`;
    if (/[. ]$/u.test(part)) return `'${part}' ends in a dot or a space, which Windows drops`;
  }
  return undefined;
}

/**
 * The first problem of the paths of one directory, with its place in the list: what is not portable, two paths that are one file where case
 * does not count or letters with accents are composed, and a file where another path needs a folder.
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
          : `'${path}' and '${other}' are one file on some systems`;
      return { index, problem };
    }
    files.set(key, path);
    for (let slash = key.indexOf("/"); slash !== -1; slash = key.indexOf("/", slash + 1)) {
      const file = files.get(key.slice(0, slash));
      if (file !== undefined) return { index, problem: `'${path}' lies in '${file}', which is a file` };
      folders.set(key.slice(0, slash), path);
    }
  }
  return undefined;
}

/** The problem of a stored path; undefined if it is safe to join to a directory. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "the path is empty";
  if (path.length > 4096) return "the path is longer than 4096 characters";
  // Backslashes and colons are separators and drive letters on Windows: rejected everywhere, so artifacts stay portable.
  if (/[\\:]|\p{Cc}/u.test(path)) return "the path holds a backslash, a colon or a control character";
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
