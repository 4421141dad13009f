/** `regular-file.ts` of @slm/core in the browser, where every file was downloaded and is a regular one. */
import { readFile } from "./files.js";

export const readRegular = async (path: string): Promise<Uint8Array> => (await readFile(path)) as Uint8Array;

export const requireRegular = (): void => undefined;
