/** Files and folders that may be missing. */
import { stat } from "node:fs/promises";
import { systemCode } from "../errors/file-error.js";
import { SlmError } from "../errors/slm-error.js";

/** Whether a path leads to a file or folder that this process can reach. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The same for a file. */
export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** The result of reading; undefined if what is read does not exist. @throws all other errors of `reading` */
export async function ifThere<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = error instanceof SlmError ? error.code : systemCode(error);
    if (code === "INPUT_MISSING" || code === "ENOENT") return undefined;
    throw error;
  }
}
