/** Checks stored paths (untrusted input): relative, portable, and never outside their directory. */
import { join } from "node:path";
import { SlmError } from "./slm-error.js";
import { z } from "zod";

/** The problem of a stored path; undefined if it is safe to join to a directory. */
export function pathProblem(path: string): string | undefined {
  if (path === "") return "the path is empty";
  if (path.length > 4096) return "the path is longer than 4096 characters";
  // Backslashes and colons are separators and drive letters on Windows: rejected everywhere, so artifacts stay portable.
  if (/[\\:\0]/.test(path)) return "the path holds a backslash, a colon or a null character";
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
