import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFailure } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { CompiledModel } from "../compile-model.js";
import { readKernels, readSearch } from "./kernel-files.js";
import { writeC } from "./write-c.js";

export interface WrittenC {
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

/** Writes NAME.c, NAME.h and NAME.bin into a directory. @throws SlmError OUTPUT_FAILED */
export async function writeCFiles(
  directory: string,
  name: string,
  config: ModelConfig,
  model: CompiledModel,
): Promise<WrittenC> {
  const { header, source } = writeC(name, config, model, {
    kernels: await readKernels(),
    search: await readSearch(model.rules !== undefined),
  });
  const contents = { [`${name}.c`]: source, [`${name}.h`]: header, [`${name}.bin`]: model.weights };
  try {
    for (const [file, content] of Object.entries(contents)) await writeFile(join(directory, file), content);
  } catch (cause) {
    throw writeFailure(cause, directory, "the directory is not complete");
  }
  const files = Object.entries(contents).map(([path, content]) => ({
    path,
    bytes: Buffer.byteLength(content),
  }));
  return { files };
}
