/** Makes folders where they are missing. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCode } from "./file-error.js";

/**
 * Makes a folder and its missing parents. Node's `mkdir` with `recursive` tries for ever where the system makes no folders, such as below
 * `/proc` (seen with 20.20 and libuv 1.46); this one ends with the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  try {
    await mkdir(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST" && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    // With its parent there, the system makes no such folder.
    if (code !== "ENOENT" || parent === folder || (await isThere(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(folder);
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
