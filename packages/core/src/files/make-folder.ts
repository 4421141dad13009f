/** Creates missing folders. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCode } from "../errors/file-error.js";

/**
 * Creates a folder and its missing parents. Node's recursive `mkdir` loops forever where the system cannot create folders, for example
 * below `/proc` (seen with Node 20.20 and libuv 1.46). This function throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  const parent = dirname(folder);
  try {
    await makeOne(folder);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || parent === folder) throw error;
    await makeFolder(parent);
    // Now the parent exists, so a second failure is the system's final answer.
    await makeOne(folder);
  }
}

/** Creates a folder if it does not exist. */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (systemCode(error) !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
  }
}
