/** Turns errors of the operating system into errors that a user can act on. */
import { sep } from "node:path";
import { SlmError } from "./slm-error.js";

/** Meaning of each system code that a failed write can have. */
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
  EEXIST: "a file with this name exists",
  ENAMETOOLONG: "the path is too long",
  EMFILE: "too many files are open",
  EBUSY: "another program has it or a file in it open, or it is read-only",
  ENOTEMPTY: "another program writes in the folder",
};

/** Meaning of ENOENT for a write: the folder could not be created, as below /proc. For a read it means a missing input. */
const NO_FOLDER = "its folder does not exist and cannot be created";

/** System calls that only writes make, as named in Node's errors. */
const WRITING_CALLS: ReadonlySet<string> = new Set([
  "mkdir",
  "mkdtemp",
  "rename",
  "copyfile",
  "link",
  "symlink",
  "rmdir",
  "rm",
  "unlink",
  "write",
  "writev",
  "ftruncate",
  "truncate",
  "fsync",
  "fdatasync",
  "utime",
  "futime",
]);

/** System codes that only a write can cause. */
const ALWAYS_WRITING: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EFBIG"]);

/** The system code (`ENOENT`, `ENOSPC`, ...) of an error, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * The error to throw after a failed write to `path`: OUTPUT_FAILED for a system error; other errors unchanged.
 *
 * @param kept a clause that says which data is still safe on disk
 */
export function writeFailure(error: unknown, path: string, kept: string): unknown {
  const code = systemCode(error);
  const reason = code === "ENOENT" ? NO_FOLDER : code === undefined ? undefined : WRITE_REJECTIONS[code];
  if (code === undefined || reason === undefined) return error;
  return new SlmError("OUTPUT_FAILED", `cannot write ${path}: ${reason} (${code}); ${kept}`, {
    context: { path, systemCode: code },
    suggestions: [suggestionFor(code)],
    cause: error,
  });
}

function suggestionFor(code: string): string {
  if (ALWAYS_WRITING.has(code))
    return "free space or choose another directory with --out, then run the same command again";
  if (code === "EBUSY" || code === "ENOTEMPTY")
    return "close the program that has it open, then run the same command again";
  return "choose a directory with write permission with --out";
}

/**
 * The OUTPUT_FAILED error for a system error that only a write can cause; undefined for other errors. For callers that do not know which
 * operation failed.
 */
export function failedWrite(error: unknown): SlmError | undefined {
  const code = systemCode(error);
  if (code === undefined || !(error instanceof Error)) return undefined;
  const call = "syscall" in error ? String(error.syscall) : "";
  // A folder can be opened for reading but not for writing.
  const isWriting =
    WRITING_CALLS.has(call) || ALWAYS_WRITING.has(code) || (call === "open" && code === "EISDIR");
  if (!isWriting) return undefined;
  const path = [...("dest" in error ? [error.dest] : []), ...("path" in error ? [error.path] : [])].find(
    (value) => typeof value === "string",
  );
  const failure = writeFailure(error, path ?? "a file", "finished work is kept");
  return failure instanceof SlmError ? failure : undefined;
}

/** Whether a system error was caused by writing in one of `directories`, and not by reading an input. */
export function isWriteRejection(error: unknown, directories: readonly string[]): boolean {
  const code = systemCode(error);
  if (code === undefined || WRITE_REJECTIONS[code] === undefined) return false;
  if (ALWAYS_WRITING.has(code)) return true;
  if (!(error instanceof Error) || !("path" in error) || typeof error.path !== "string") return false;
  const { path } = error;
  return directories.some((directory) => path === directory || path.startsWith(directory + sep));
}
