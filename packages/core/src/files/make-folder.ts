/** Makes folders where they are missing. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCode } from "../errors/file-error.js";

/**
 * Makes a folder and its missing parents. Node's `mkdir` with `recursive` tries for ever where the system makes no folders, such as below
 * `/proc` (seen with 20.20 and libuv 1.46); this one ends with the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  const parent = dirname(folder);
  try {
    await makeOne(folder);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || parent === folder) throw error;
    await makeFolder(parent);
    // Now its parent is there, whoever made it: a second failure is the system's answer.
    await makeOne(folder);
  }
}

/** Makes a folder that may be there already. */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (systemCode(error) !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
  }
}
