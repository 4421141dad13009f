import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFailure } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { TokenizerFiles } from "@slm/tokenizer";
import type { CompiledModel } from "../compile-model.js";
import { textFunctions, type TextSupport } from "../tokens/text-functions.js";
import { readKernels, readSearch, readTextKernels } from "./kernel-files.js";
import { writeC } from "./write-c.js";

export interface WrittenC {
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Working memory of one text [bytes]. */
  readonly arenaBytes: number;
  readonly text: TextSupport;
}

/**
 * Writes NAME.c, NAME.h and NAME.bin into a directory.
 *
 * @param tokenizer for functions that read and write text. Without them the model takes token ids.
 * @throws SlmError OUTPUT_FAILED; DATA_INVALID for a tokenizer with contradictory files
 */
export async function writeCFiles(
  directory: string,
  name: string,
  config: ModelConfig,
  model: CompiledModel,
  tokenizer?: TokenizerFiles,
): Promise<WrittenC> {
  const { arena, vocabulary } = model.program;
  const text = textFunctions({ name, config, vocabulary }, tokenizer);
  const { kind } = text.support;
  const { header, source } = writeC(name, config, model, {
    kernels: await readKernels(),
    search: await readSearch(),
    text,
    textKernels: kind === "none" ? "" : await readTextKernels(kind),
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
  return { files, arenaBytes: arena * 4 + text.arenaBytes, text: text.support };
}
