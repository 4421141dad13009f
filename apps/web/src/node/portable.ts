/** The program of an npm package whose model runs in WebAssembly: it needs no other package. */
import { readFile } from "node:fs/promises";
import { SlmError } from "@slm/core/errors";
import { openPortableModel } from "@slm/inference/portable";
import { answering, besides, type Answering } from "./answering.js";

const model = answering(
  async (directory) => openPortableModel(directory, { module: await readFile(besides("kernels.wasm")) }),
  (text, image) => {
    if (image === undefined) return text;
    throw new SlmError("USAGE", "generate: this model reads text only, got an image");
  },
);

export const generate: Answering["generate"] = model.generate;
export const close: Answering["close"] = model.close;
