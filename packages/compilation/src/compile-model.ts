/** Compiles every graph of a model for every chip, beside the portable graphs. */
import { constants } from "node:fs";
import { copyFile, mkdir, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { SlmError, resolveInside, type Progress } from "@slm/core";
import { isCompilingProfile, socOf, type CompilingProfile, type Soc } from "@slm/devices/table";
import { graphFilesOf, readDeviceModel, writeDeviceModel, type DeviceModel } from "@slm/exported-model";
import { listModelFiles } from "@slm/exported-model/files";
import { attributeOf, readOutline } from "@slm/onnx";
import { pluginTitle, providerOf, runJob } from "@slm/runtime-native";
import { findPlugin, isKnownName, obtainCommand, type Plugin } from "@slm/runtime-native/plugins";

export interface CompileModelOptions {
  readonly modelDirectory: string;
  /** Filled in place; whoever calls makes it appear whole (`writeArtifact`). */
  readonly outputDirectory: string;
  /** Chips as the table of devices names them; of the profile that the model was exported for. */
  readonly socs: readonly string[];
  /** Compiler threads. Default: the CPUs this process may use. */
  readonly threads?: number | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** One graph, compiled for one chip. */
export interface CompiledFile {
  /** File of the portable graph. */
  readonly graph: string;
  /** The compiled graph with the vendor's binary [bytes]. */
  readonly bytes: number;
  /** Time of the vendor's compiler [seconds]. */
  readonly seconds: number;
}

export interface CompiledChip {
  readonly soc: string;
  readonly title: string;
  readonly generation: string;
  readonly graphs: readonly CompiledFile[];
}

export interface CompileReport {
  /** The plug-in that compiled: "qnn 2.7.0". */
  readonly plugin: string;
  readonly profile: CompilingProfile;
  readonly chips: readonly CompiledChip[];
}

type CompiledEntry = NonNullable<DeviceModel["compiled"]>[number];

/**
 * Compiles a model for an NPU ahead of time. Each graph is compiled in a process of its own.
 *
 * Reads: `model.json`, every graph it names, their weights.
 * Writes: copies of all files of the model; `compiled/<chip>/<graph>` with the vendor's binary beside it; `model.json` with them.
 * Compiled graphs of other chips are kept.
 *
 * @throws SlmError OP_UNSUPPORTED for a model that was not exported for a compiling profile, and for a graph that the compiler does not
 * take whole, with the compiler's message; DEVICE_UNAVAILABLE if no plug-in has been added or the vendor's library ends its process;
 * USAGE for an unknown chip; INPUT_MISSING or DATA_INVALID for an incomplete model; INTERRUPTED
 */
export async function compileModel(options: CompileModelOptions): Promise<CompileReport> {
  const { modelDirectory, outputDirectory, progress } = options;
  if (resolve(modelDirectory) === resolve(outputDirectory))
    throw new SlmError("USAGE", `compile: the output must be another directory than ${modelDirectory}`);
  const model = await readDeviceModel(modelDirectory);
  const profile = compilingProfileOf(modelDirectory, model);
  const socs = [...new Set(options.socs)].map((name) => socOf(profile, name));
  const plugin = await requirePlugin(profile);
  const kept = (model.compiled ?? []).filter(({ soc }) => socs.every(({ name }) => name !== soc));
  await copyModel(modelDirectory, outputDirectory, { ...model, compiled: kept });
  const graphs = graphFilesOf(model);
  const chips: CompiledChip[] = [];
  const entries: CompiledEntry[] = [];
  for (const [index, soc] of socs.entries()) {
    const { title, generation, name } = soc;
    const files: CompiledFile[] = [];
    const compiled: CompiledEntry["graphs"] = {};
    for (const [at, graph] of graphs.entries()) {
      progress({
        stage: "compile",
        step: index * graphs.length + at,
        total: socs.length * graphs.length,
        message: `${graph} for ${name} (${generation})`,
      });
      const made = await compileFile(graph, soc, { plugin, profile, options });
      compiled[graph] = made.form;
      files.push({ graph, bytes: made.form.bytes, seconds: made.seconds });
    }
    chips.push({ soc: name, title, generation, graphs: files });
    entries.push({ soc: name, plugin: pluginTitle(plugin), graphs: compiled });
  }
  await writeDeviceModel(outputDirectory, { ...model, compiled: [...kept, ...entries] });
  return { plugin: pluginTitle(plugin), profile, chips };
}

function compilingProfileOf(directory: string, { target, profile }: DeviceModel): CompilingProfile {
  if (target === "npu" && profile !== undefined && isCompilingProfile(profile)) return profile;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `compile: ${directory} was exported for ${target}${profile === undefined ? "" : `:${profile}`}; vendors' compilers take exports for an NPU`,
    { suggestions: ["slm export CHECKPOINT --target npu --profile qnn"] },
  );
}

/** @throws SlmError DEVICE_UNAVAILABLE with the commands that obtain and add the plug-in */
async function requirePlugin(profile: CompilingProfile): Promise<Plugin> {
  const plugin = await findPlugin("npu", profile);
  if (plugin !== undefined) return plugin;
  throw new SlmError("DEVICE_UNAVAILABLE", `compile: no plug-in for npu:${profile} has been added`, {
    suggestions: [...(isKnownName(profile) ? [obtainCommand(profile)] : []), "slm device add PACKAGE"],
  });
}

async function copyModel(from: string, to: string, model: DeviceModel): Promise<void> {
  for (const path of await listModelFiles("compile", from, model)) {
    const target = resolveInside(to, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(resolveInside(from, path), target, constants.COPYFILE_FICLONE);
  }
}

/** One compiled graph, as model.json lists it. */
interface Compiled {
  readonly form: CompiledEntry["graphs"][string];
  readonly seconds: number;
}

async function compileFile(
  graph: string,
  soc: Soc,
  request: {
    readonly plugin: Plugin;
    readonly profile: CompilingProfile;
    readonly options: CompileModelOptions;
  },
): Promise<Compiled> {
  const { plugin, profile, options } = request;
  const { outputDirectory, threads = availableParallelism(), signal } = options;
  const folder = `compiled/${soc.name}`;
  const file = `${folder}/${basename(graph)}`;
  const output = resolve(resolveInside(outputDirectory, file));
  await mkdir(dirname(output), { recursive: true });
  const { milliseconds } = await runJob(
    "compile",
    {
      provider: providerOf(plugin, profile, soc),
      source: resolve(resolveInside(outputDirectory, graph)),
      output,
      threads,
    },
    signal,
  );
  const binaries = (await binariesOf(output)).map((name) => `${folder}/${name}`);
  const sizes = await Promise.all(
    [file, ...binaries].map(async (path) => (await stat(join(outputDirectory, path))).size),
  );
  return {
    form: { file, binaries, bytes: sizes.reduce((sum, size) => sum + size, 0) },
    seconds: milliseconds / 1000,
  };
}

/**
 * Files of the vendor's binaries that a compiled graph refers to, relative to its folder: `ep_cache_context` of its EPContext nodes
 * where the binary is not embedded (`embed_mode` 0). Source: ONNX Runtime, docs/ContribOperators.md, com.microsoft.EPContext.
 *
 * @throws SlmError OP_UNSUPPORTED for a graph in which other nodes are left, which the CPU would have to compute
 */
export async function binariesOf(path: string): Promise<readonly string[]> {
  const outline = await readOutline(path);
  const left = outline.nodes.filter(({ opType }) => opType !== "EPContext");
  if (left.length > 0) {
    const [first] = left;
    throw new SlmError(
      "OP_UNSUPPORTED",
      `compile: the vendor's compiler left ${left.length} nodes of ${basename(path)}, the first: ${first!.opType} '${first!.name}'`,
      { suggestions: ["slm analyze MODEL --target npu"] },
    );
  }
  return [
    ...new Set(
      outline.nodes.flatMap((node) => {
        const isEmbedded = attributeOf(node, "embed_mode", "int") === 1;
        const context = attributeOf(node, "ep_cache_context", "string");
        return context === undefined || isEmbedded ? [] : [context];
      }),
    ),
  ];
}
