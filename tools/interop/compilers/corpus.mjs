/** The graphs to compile. Each is a single file, and all its nodes have unique names. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "@slm/onnx";
import { backendTests } from "./backend.mjs";
import { CACHE, hashOf } from "./cache.mjs";
import { ownGraphs, quickstartGraphs } from "./own.mjs";
import { probes } from "./probes.mjs";
import { publishedFiles } from "./published.mjs";
import { randomGraphs } from "./random.mjs";

/**
 * @typedef {import("@slm/onnx").Graph} Graph
 *
 * A graph of the corpus, with its file and the hash of its bytes.
 * @typedef {{ group: string, name: string, path: string, hash: string, graph: Graph }} Row
 */

/** @typedef {{ seed: number, count: number }} RandomOptions */

/** Each yields `[name, graph]`. */
/** @type {Readonly<Record<string, (random: RandomOptions) => AsyncGenerator<[name: string, graph: Graph]>>>} */
const GROUPS = {
  backend: backendTests,
  published: publishedFiles,
  own: ownGraphs,
  quickstart: quickstartGraphs,
  probes,
  random: randomGraphs,
};

export const GROUP_NAMES = Object.keys(GROUPS);

/**
 * Writes all graphs of some groups to the cache.
 *
 * @returns {Promise<Row[]>} without graphs that slm cannot read
 */
export async function corpusOf(/** @type {readonly string[]} */ groups, /** @type {RandomOptions} */ random) {
  const folder = join(CACHE, "corpus");
  await mkdir(folder, { recursive: true });
  const rows = [];
  for (const group of groups) {
    for await (const [name, graph] of GROUPS[group]?.(random) ?? []) {
      const named = withNames(graph);
      const bytes = encodeModel(named);
      const hash = hashOf(bytes);
      const path = join(folder, `${hash}.onnx`);
      await writeFile(path, bytes, { flag: "wx" }).catch((/** @type {unknown} */ error) => {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      });
      rows.push({ group, name, path, hash, graph: named });
    }
  }
  return rows;
}

/** Gives every node a unique name, so that the answers of compilers and rules can be matched. */
function withNames(/** @type {Graph} */ graph) {
  let count = 0;
  /** @type {<P extends Pick<Graph, "nodes">>(part: P) => P} */
  const body = (part) => ({
    ...part,
    nodes: part.nodes.map((node) => ({ ...node, name: `n${count++}`, attributes: inside(node) })),
  });
  const inside = (/** @type {Graph["nodes"][number]} */ { attributes }) =>
    Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        value.kind === "graph" ? { ...value, value: body(value.value) } : value,
      ]),
    );
  return body(graph);
}
