/** Compiles graphs for chips, each graph in its own child process. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { makeFolder, SlmError, resolveInside, type Progress } from "@slm/core";
import { socOf, type CompilingProfile, type Soc } from "@slm/devices";
import { COMPILED_FOLDER, type DeviceModel } from "@slm/exported-model";
import { attributeOf, readOutline } from "@slm/onnx";
import { runJob } from "../child.js";
import { pluginTitle, providerOf } from "../plugin-runtime.js";
import { findPlugin, isKnownName, obtainCommand, type Plugin } from "../plugins/index.js";

/** Compiles a graph: a job in a child process, or a test double. */
export interface Compiler {
  readonly plugin: Plugin;
  readonly compile: (
    request: {
      readonly soc: Soc;
      readonly source: string;
      readonly output: string;
      readonly threads: number;
    },
    signal: AbortSignal | undefined,
  ) => Promise<{ readonly milliseconds: number }>;
}

/** Options of every compilation. */
export interface CompileOptions {
  /** Chips by their names in the table of chips. */
  readonly socs: readonly string[];
  /** Compiler threads. Default: the CPUs available to this process. */
  readonly threads?: number | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Default: the plug-in that the user has added for the profile. */
  readonly compiler?: Compiler | undefined;
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
  /** Known problems of graphs for this chip. */
  readonly caution?: string | undefined;
  readonly graphs: readonly CompiledFile[];
}

export interface CompileReport {
  /** The plug-in that compiled: "qnn 2.7.0". */
  readonly plugin: string;
  readonly profile: CompilingProfile;
  readonly chips: readonly CompiledChip[];
}

/** The compiled graphs of a chip, as model.json lists them. */
export type CompiledEntry = NonNullable<DeviceModel["compiled"]>[number];

/**
 * Compiles the graphs of a directory to `compiled/<chip>/<graph>`, with the vendor's binary next to it.
 *
 * @param graphs files relative to the directory
 * @throws SlmError OP_UNSUPPORTED with the compiler's message if it cannot compile a whole graph; DEVICE_UNAVAILABLE if
 * no plug-in has been added or the vendor's library ends its process; USAGE for an unknown chip; INTERRUPTED
 */
export async function compileGraphs(
  directory: string,
  graphs: readonly string[],
  profile: CompilingProfile,
  options: CompileOptions,
): Promise<CompileReport & { readonly entries: readonly CompiledEntry[] }> {
  const socs = [...new Set(options.socs)].map((name) => socOf(profile, name));
  const compiler = options.compiler ?? (await pluginCompiler(profile));
  const plugin = pluginTitle(compiler.plugin);
  const chips: CompiledChip[] = [];
  const entries: CompiledEntry[] = [];
  for (const [index, soc] of socs.entries()) {
    const { title, generation, name, caution } = soc;
    const files: CompiledFile[] = [];
    const compiled: CompiledEntry["graphs"] = {};
    for (const [at, graph] of graphs.entries()) {
      options.progress({
        stage: "compile",
        step: index * graphs.length + at,
        total: socs.length * graphs.length,
        message: `${graph} for ${name} (${generation})`,
      });
      const { form, seconds } = await compileGraph(directory, graph, soc, { ...options, compiler });
      compiled[graph] = form;
      files.push({ graph, bytes: form.bytes, seconds });
    }
    chips.push({ soc: name, title, generation, caution, graphs: files });
    entries.push({ soc: name, plugin, graphs: compiled });
  }
  return { plugin, profile, chips, entries };
}

/** @throws SlmError DEVICE_UNAVAILABLE with the commands that obtain and add the plug-in */
export async function pluginCompiler(profile: CompilingProfile): Promise<Compiler> {
  const plugin = await findPlugin("npu", profile);
  if (plugin === undefined) {
    throw new SlmError("DEVICE_UNAVAILABLE", `compile: no plug-in for npu:${profile} has been added`, {
      suggestions: [...(isKnownName(profile) ? [obtainCommand(profile)] : []), "slm device add PACKAGE"],
    });
  }
  return {
    plugin,
    compile: ({ soc, ...request }, signal) =>
      runJob("compile", { ...request, provider: providerOf(plugin, profile, soc) }, signal),
  };
}

async function compileGraph(
  directory: string,
  graph: string,
  soc: Soc,
  { compiler, threads = availableParallelism(), signal }: CompileOptions & { readonly compiler: Compiler },
): Promise<{ readonly form: CompiledEntry["graphs"][string]; readonly seconds: number }> {
  const folder = `${COMPILED_FOLDER}/${soc.name}`;
  const file = `${folder}/${basename(graph)}`;
  const output = resolve(resolveInside(directory, file));
  await makeFolder(dirname(output));
  const source = resolve(resolveInside(directory, graph));
  const { milliseconds } = await compiler.compile({ soc, source, output, threads }, signal);
  const binaries = (await binariesOf(output)).map((name) => `${folder}/${name}`);
  const sizes = await Promise.all(
    [file, ...binaries].map(async (path) => (await stat(join(directory, path))).size),
  );
  return {
    form: { file, binaries, bytes: sizes.reduce((sum, size) => sum + size, 0) },
    seconds: milliseconds / 1000,
  };
}

/**
 * Files of the vendor's binaries that a compiled graph refers to, relative to its folder: `ep_cache_context` of its EPContext nodes if the binary is
 * not embedded (`embed_mode` 0). Source: ONNX Runtime, docs/ContribOperators.md, com.microsoft.EPContext.
 *
 * @throws SlmError OP_UNSUPPORTED if the graph still contains other nodes, which would run on the CPU
 */
async function binariesOf(path: string): Promise<readonly string[]> {
  const outline = await readOutline(path);
  const left = outline.nodes.filter(({ opType }) => opType !== "EPContext");
  if (left.length > 0) {
    const [first] = left;
    throw new SlmError(
      "OP_UNSUPPORTED",
      `compile: the vendor's compiler did not compile ${left.length} nodes of ${basename(path)}, the first: ${first!.opType} '${first!.name}'`,
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
