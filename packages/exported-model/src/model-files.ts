/** Lists the files of a model's directory that belong to the model. */
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { ifThere, shellWord, SlmError, resolveInside } from "@slm/core";
import { modelFiles } from "@slm/onnx";
import {
  DEVICE_MODEL_FILE,
  graphFilesOf,
  graphsOf,
  shortlistFile,
  type DeviceModel,
} from "./device-model.js";

/** Required files in addition to the graphs. Without them the model's tokens cannot be read. */
const SIDE_FILES = [DEVICE_MODEL_FILE, "tokenizer.json", "tokenizer_config.json"] as const;

/**
 * Returns the paths of a model's files, relative to its directory and in a fixed order: graphs of every size with their external data,
 * compiled graphs, description and tokenizer. Other files in the directory (reports, logs, the manifest) do not belong to the model.
 *
 * @param speaker prefix of messages: "deploy"
 * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for a path out of the directory, a symbolic link, or a graph whose size,
 * with its external data, differs from model.json.
 */
export async function listModelFiles(
  speaker: string,
  directory: string,
  model: DeviceModel,
): Promise<readonly string[]> {
  const graphs = graphFilesOf(model);
  const filesOf = new Map<string, readonly string[]>();
  for (const graph of [...graphs, ...compiledGraphs(model)]) {
    await fileSize(speaker, directory, graph);
    filesOf.set(graph, await withExternalData(directory, graph));
  }
  for (const { graph } of graphsOf(model))
    await checkBytes(speaker, directory, {
      graph,
      all: [...filesOf.values()],
      files: filesOf.get(graph.file)!,
    });
  const list = shortlistFile(model);
  const beside = [...compiledBinaries(model), ...SIDE_FILES, ...(list === undefined ? [] : [list])];
  for (const path of beside) await fileSize(speaker, directory, path);
  const { portable = [] } = model;
  for (const { file, bytes } of portable)
    if ((await fileSize(speaker, directory, file)) !== bytes)
      throw new SlmError(
        "DATA_INVALID",
        `${speaker}: ${file} in ${directory} does not have the ${bytes} bytes of model.json`,
        {
          suggestions: [`slm verify ${shellWord(directory)}`],
        },
      );
  return [...new Set([...[...filesOf.values()].flat(), ...portable.map(({ file }) => file), ...beside])];
}

const compiledGraphs = ({ compiled = [] }: DeviceModel): readonly string[] =>
  compiled.flatMap(({ graphs }) => Object.values(graphs).map(({ file }) => file));

/** The vendors' binaries of compiled graphs. */
const compiledBinaries = ({ compiled = [] }: DeviceModel): readonly string[] =>
  compiled.flatMap(({ graphs }) => Object.values(graphs).flatMap(({ binaries }) => binaries));

/** A graph's file and its external data, relative to the model's directory. */
async function withExternalData(directory: string, graph: string): Promise<readonly string[]> {
  const folder = dirname(graph);
  const names = await modelFiles(resolveInside(directory, graph));
  return names.map((name) => (folder === "." ? name : `${folder}/${name}`));
}

interface CheckedGraph {
  readonly graph: { readonly file: string; readonly bytes: number };
  readonly files: readonly string[];
  /** Files of every graph. */
  readonly all: readonly (readonly string[])[];
}

/** A graph that shares its weights with others is smaller than its files together. */
async function checkBytes(
  speaker: string,
  directory: string,
  { graph, files, all }: CheckedGraph,
): Promise<void> {
  const sizes = await Promise.all(files.map((path) => fileSize(speaker, directory, path)));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const shares = files.some((path) => all.filter((others) => others.includes(path)).length > 1);
  if (bytes === graph.bytes || (shares && bytes > graph.bytes)) return;
  throw new SlmError(
    "DATA_INVALID",
    `${speaker}: ${files.join(" + ")} in ${directory}: expected ${graph.bytes} bytes according to model.json, got ${bytes}`,
    { context: { files, bytes, expected: graph.bytes }, suggestions: [`slm verify ${shellWord(directory)}`] },
  );
}

/** Size of a regular file [bytes]. Rejects symbolic links, which could copy any file of this machine into a bundle. */
async function fileSize(speaker: string, directory: string, path: string): Promise<number> {
  const full = resolveInside(directory, path);
  const status = await ifThere(lstat(full));
  if (status === undefined) {
    throw new SlmError("INPUT_MISSING", `${speaker}: no such file: ${full}`, {
      context: { path: full },
      suggestions: ["slm export CHECKPOINT"],
    });
  }
  if (!status.isFile()) throw new SlmError("DATA_INVALID", `${speaker}: expected a regular file at ${full}`);
  return status.size;
}
