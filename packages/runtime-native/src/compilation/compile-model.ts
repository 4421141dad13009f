/** Compiles every graph of a model for every chip. Compiled graphs are stored next to the portable ones. */
import { resolve } from "node:path";
import { copyFiles, SlmError } from "@slm/core";
import { isCompilingProfile, socOf, type CompilingProfile } from "@slm/devices";
import { graphFilesOf, readDeviceModel, writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { listModelFiles } from "@slm/exported-model/files";
import { compileGraphs, pluginCompiler, type CompileOptions, type CompileReport } from "./compile-graphs.js";

export interface CompileModelOptions extends CompileOptions {
  readonly modelDirectory: string;
  /** Filled in place. The caller publishes it when it is complete (`writeArtifact`). */
  readonly outputDirectory: string;
}

/**
 * Compiles a model for an NPU ahead of time. Each graph is compiled in its own child process.
 *
 * Reads: `model.json`, every graph it names, their weights.
 * Writes: copies of all files of the model; `compiled/<chip>/<graph>` with the vendor's binary next to it; `model.json` that lists them.
 * Compiled graphs of other chips are kept.
 *
 * @throws SlmError OP_UNSUPPORTED for a model that was not exported for a compiling profile; INPUT_MISSING or DATA_INVALID for an
 * incomplete model; as {@link compileGraphs}
 */
export async function compileModel(options: CompileModelOptions): Promise<CompileReport> {
  const { modelDirectory, outputDirectory, socs } = options;
  if (resolve(modelDirectory) === resolve(outputDirectory))
    throw new SlmError("USAGE", `compile: the output directory must not be ${modelDirectory}`);
  const model = await readDeviceModel(modelDirectory);
  const profile = compilingProfileOf(modelDirectory, model);
  const kept = (model.compiled ?? []).filter(({ soc }) => !socs.includes(soc));
  const files = await listModelFiles("compile", modelDirectory, { ...model, compiled: kept });
  await copyFiles(modelDirectory, outputDirectory, files);
  const { entries, ...report } = await compileGraphs(outputDirectory, graphFilesOf(model), profile, options);
  await writeDeviceModel(outputDirectory, { ...model, compiled: [...kept, ...entries] });
  return report;
}

/**
 * Checks that a model for a device can be compiled for chips on this machine.
 *
 * @param where owner of the device, for errors
 * @throws SlmError OP_UNSUPPORTED for a device without a compiler; USAGE for an unknown chip; DEVICE_UNAVAILABLE without the plug-in
 */
export async function checkCompiler(
  device: Pick<DeviceModel, "target" | "profile">,
  socs: readonly string[],
  where: string,
): Promise<void> {
  const profile = compilingProfileOf(where, device);
  for (const name of socs) socOf(profile, name);
  await pluginCompiler(profile);
}

function compilingProfileOf(
  directory: string,
  { target, profile }: Pick<DeviceModel, "target" | "profile">,
): CompilingProfile {
  if (target === "npu" && profile !== undefined && isCompilingProfile(profile)) return profile;
  const device = profile === undefined ? target : `${target}:${profile}`;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `compile: ${directory} was exported for ${device}; only exports for an NPU can be compiled`,
    { suggestions: ["slm export CHECKPOINT --target npu --profile qnn"] },
  );
}
