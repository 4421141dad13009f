/** Compiles any ONNX file for chips. */
import { basename, dirname, join } from "node:path";
import { copyFiles } from "@slm/core";
import type { CompilingProfile } from "@slm/devices";
import { fixSizes, modelFiles, readOnnx, writeOnnx, type FixedSizes } from "@slm/onnx";
import { compileGraphs, type CompileOptions, type CompileReport } from "./compile-graphs.js";

export interface CompileFileOptions extends CompileOptions {
  /** The ONNX file. Its external data is in the same folder. */
  readonly file: string;
  /** Filled in place. */
  readonly outputDirectory: string;
  readonly profile: CompilingProfile;
  /** Values of symbolic input sizes in the file. */
  readonly sizes: readonly FixedSizes[];
}

/**
 * Writes: the file, with fixed sizes if any are given, and `compiled/<chip>/<file>` with the vendor's binary next to it.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID; USAGE for sizes that do not fit; as `compileGraphs`
 */
export async function compileFile(options: CompileFileOptions): Promise<CompileReport> {
  const { file, outputDirectory, profile, sizes } = options;
  const name = basename(file);
  if (sizes.length === 0) await copyFiles(dirname(file), outputDirectory, await modelFiles(file));
  else
    await writeOnnx(fixSizes(await readOnnx(file), sizes), join(outputDirectory, name), {
      externalData: { file: `${name}.data` },
    });
  const { plugin, chips } = await compileGraphs(outputDirectory, [name], profile, options);
  return { plugin, profile, chips };
}
