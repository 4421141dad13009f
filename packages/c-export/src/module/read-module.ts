import { readFile } from "node:fs/promises";

/** The prebuilt module: module-text.ts over kernels/, compiled by `npm run kernels`. */
export const readModule = (): Promise<Uint8Array<ArrayBuffer>> =>
  readFile(new URL("../../kernels/kernels.wasm", import.meta.url)).then((bytes) => new Uint8Array(bytes));
