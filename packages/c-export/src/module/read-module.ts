import { readFile } from "node:fs/promises";
import { kernelFile } from "../text/kernel-files.js";

/** The prebuilt module: module-text.ts over kernels/, compiled by `npm run kernels`. */
export const readModule = (): Promise<Uint8Array<ArrayBuffer>> =>
  readFile(kernelFile("kernels.wasm")).then((bytes) => new Uint8Array(bytes));

/** The same, compiled: models and threads can share it. */
export const compileModule = async (): Promise<WebAssembly.Module> => WebAssembly.compile(await readModule());
