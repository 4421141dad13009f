/** Writes planned graphs to files, one at a time, with streamed weights. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { INLINE_LIMIT, transformersWeightsFile } from "@slm/exported-model";
import { makeFolder, throwIfInterrupted, WORK_FILE, type Progress } from "@slm/core";
import { weightBytes, writeOnnx, writeOnnxSet, type Graph } from "@slm/onnx";
import type { ExportLayout } from "../settings/layouts.js";
import type { GraphPlan, PlannedGraph } from "./graph-plan.js";
import type { GraphSource } from "./record.js";

/** A graph on disk. */
export interface WrittenGraph extends PlannedGraph {
  /** The model file and the weights it reads [bytes]. */
  readonly bytes: number;
  /** Name of its weights file, null if the weights are in the model file. */
  readonly weights: string | null;
}

export interface WriteGraphsOptions {
  readonly outputDirectory: string;
  readonly layout: ExportLayout;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** Writes all graphs of a plan. @throws SlmError as recording and writing them do */
export async function writeGraphs(
  plan: GraphPlan,
  source: GraphSource,
  { outputDirectory, layout, progress, signal }: WriteGraphsOptions,
): Promise<readonly WrittenGraph[]> {
  const { content } = source.weights;
  const record = (planned: PlannedGraph): Graph => {
    if (signal !== undefined) throwIfInterrupted(signal, "export");
    progress({ stage: "export", message: `recording ${planned.file}` });
    return planned.build(source);
  };
  const pathOf = ({ file }: PlannedGraph): string => join(outputDirectory, file);
  for (const folder of new Set(plan.graphs.map((graph) => dirname(pathOf(graph))))) {
    await makeFolder(folder);
  }
  if (plan.sharedWeights !== null) {
    const models = plan.graphs.map((planned) => ({ graph: record(planned), path: pathOf(planned) }));
    progress({ stage: "export", message: `writing ${plan.sharedWeights}` });
    const written = await writeOnnxSet(models, { file: plan.sharedWeights, content });
    return plan.graphs.map((planned, index) => ({
      ...planned,
      bytes: written[index]!.bytes,
      weights: plan.sharedWeights,
    }));
  }
  const written: WrittenGraph[] = [];
  for (const planned of plan.graphs) {
    const graph = record(planned);
    progress({ stage: "export", message: `writing ${planned.file}` });
    if (layout === "transformers.js" && weightBytes(graph) <= INLINE_LIMIT) {
      const { bytes } = await writeOnnx(withContent(graph, content), pathOf(planned));
      written.push({ ...planned, bytes, weights: null });
      continue;
    }
    const name = basename(planned.file);
    const file = layout === "transformers.js" ? transformersWeightsFile(name) : `${name}.data`;
    const { bytes } = await writeOnnx(graph, pathOf(planned), { externalData: { file, content } });
    written.push({ ...planned, bytes, weights: file });
  }
  return written;
}

function withContent(graph: Graph, content: GraphSource["weights"]["content"]): Graph {
  const initializers = [...graph.initializers].map(
    ([name, initializer]) => [name, { ...initializer, data: content(initializer) }] as const,
  );
  return { ...graph, initializers: new Map(initializers) };
}

/** Paths and sizes of the files in a directory and its folders, sorted by name, without the record of unfinished work. */
export async function filesBelow(directory: string): Promise<readonly { path: string; bytes: number }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== WORK_FILE)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    paths.map(async (path) => ({
      path: path.slice(directory.length + 1).replaceAll("\\", "/"),
      bytes: (await stat(path)).size,
    })),
  );
}
