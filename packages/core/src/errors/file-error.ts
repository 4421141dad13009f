/** Turns errors of the operating system into errors that a user can act on. */
import { sep } from "node:path";
import { SlmError } from "./slm-error.js";

/** Meaning of each system code; a code that is not listed is not about writing. */
const WRITE_REJECTIONS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EFBIG: "the file would be larger than the file system allows",
  EIO: "the device reports an input/output error",
  ENOTDIR: "a part of the path is a file, not a directory",
  EISDIR: "the path is a directory",
  EEXIST: "a file of that name is in the way",
  ENAMETOOLONG: "the path is too long",
  EMFILE: "too many files are open",
};

/** Of a path that was to be written: where reading means a missing input, writing cannot make the folders, as below /proc. */
const NO_FOLDER = "its folder does not exist and cannot be made";

/** Calls of the system that only writing makes, as Node's errors name them. */
const WRITING_CALLS: ReadonlySet<string> = new Set([
  ...["mkdir", "mkdtemp", "rename", "copyfile", "link", "symlink", "rmdir", "rm", "unlink"],
  ...["write", "writev", "ftruncate", "truncate", "fsync", "fdatasync", "utime", "futime"],
]);

/** System codes that can only come from writing, whatever path they carry. */
const ALWAYS_WRITING: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EFBIG"]);

/** The system code (`ENOENT`, `ENOSPC`, ...) of an error, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * The error to throw after a failed write to `path`: OUTPUT_FAILED for a system error, the error itself otherwise.
 *
 * @param kept one clause about the data that is still safe on disk
 */
export function writeFailure(error: unknown, path: string, kept: string): unknown {
  const code = systemCode(error);
  const reason = code === "ENOENT" ? NO_FOLDER : code === undefined ? undefined : WRITE_REJECTIONS[code];
  if (code === undefined || reason === undefined) return error;
  return new SlmError("OUTPUT_FAILED", `cannot write ${path}: ${reason} (${code}); ${kept}`, {
    context: { path, systemCode: code },
    suggestions: ALWAYS_WRITING.has(code)
      ? ["free space or choose another place with --out, then run the same command again"]
      : ["choose a directory that you may write to with --out"],
    cause: error,
  });
}

/**
 * The OUTPUT_FAILED of a system error that only writing can cause, for callers that do not know what was being done; undefined for any
 * other error.
 */
export function failedWrite(error: unknown): SlmError | undefined {
  const code = systemCode(error);
  if (code === undefined || !(error instanceof Error)) return undefined;
  const call = "syscall" in error ? String(error.syscall) : "";
  // A folder can be opened for reading, not for writing.
  const isWriting =
    WRITING_CALLS.has(call) || ALWAYS_WRITING.has(code) || (call === "open" && code === "EISDIR");
  if (!isWriting) return undefined;
  const path = [...("dest" in error ? [error.dest] : []), ...("path" in error ? [error.path] : [])].find(
    (value) => typeof value === "string",
  );
  const failure = writeFailure(error, path ?? "a file", "what was finished before is kept");
  return failure instanceof SlmError ? failure : undefined;
}

/** Whether a system error was caused by writing in one of `directories`, as opposed to reading some input. */
export function isWriteRejection(error: unknown, directories: readonly string[]): boolean {
  const code = systemCode(error);
  if (code === undefined || WRITE_REJECTIONS[code] === undefined) return false;
  if (ALWAYS_WRITING.has(code)) return true;
  if (!(error instanceof Error) || !("path" in error) || typeof error.path !== "string") return false;
  const { path } = error;
  return directories.some((directory) => path === directory || path.startsWith(directory + sep));
}
