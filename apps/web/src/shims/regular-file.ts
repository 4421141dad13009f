/** Replaces `regular-file.ts` of @slm/core in the browser, where every downloaded file is a regular file. */
import { readFile } from "./files.js";

export const readRegular = async (path: string): Promise<Uint8Array> => (await readFile(path)) as Uint8Array;

export const requireRegular = (): void => undefined;
