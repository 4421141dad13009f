/** Sessions of an exported model's graphs. */
import type { graphsOf, GraphName } from "@slm/exported-model";
import { resolveInside } from "@slm/core";
import type { Runtime, Session } from "@slm/runtime";

/** Sessions of some of a model's graphs. */
export type GraphSessions = Readonly<Partial<Record<GraphName, Session>>>;

/** Loads a graph of a model directory. @param file as `model.json` names it */
export function loadGraph(runtime: Runtime, directory: string, file: string): Promise<Session> {
  return runtime.load({ kind: "file", path: resolveInside(directory, file) }, { name: file });
}

/** Runs `body` with loaded graphs, and releases them afterwards. */
export async function withGraphs<Result>(
  runtime: Runtime,
  directory: string,
  graphs: ReturnType<typeof graphsOf>,
  body: (sessions: GraphSessions) => Promise<Result>,
): Promise<Result> {
  const sessions: Partial<Record<GraphName, Session>> = {};
  try {
    for (const { name, graph } of graphs) sessions[name] = await loadGraph(runtime, directory, graph.file);
    return await body(sessions);
  } finally {
    for (const session of Object.values(sessions)) await session.release();
  }
}
