/** The main program of an npm package whose model runs in WebAssembly: it reads the package's files in Node.js, Deno and Bun. */
import { readFile } from "node:fs/promises";
import { openedOnFirstUse, type Answering } from "./answering.js";
import { besides } from "./besides.js";
import { openModel } from "./open.js";

const model = openedOnFirstUse(async () =>
  openModel({
    kernels: await readFile(besides("kernels.wasm")),
    read: (path) => readFile(besides(`model/${path}`)),
  }),
);

export const generate: Answering["generate"] = model.generate;
export const close: Answering["close"] = model.close;
