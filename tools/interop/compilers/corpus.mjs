/** The graphs that compilers are asked about: each a single file whose nodes all have names of their own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "@slm/onnx";
import { SlmError } from "@slm/core";
import { CACHE, hashOf } from "./cache.mjs";
import { ownGraphs } from "./own.mjs";
import { probes } from "./probes.mjs";
import { publishedFiles } from "./published.mjs";

/**
 * @typedef {import("@slm/onnx").Graph} Graph
 *
 * A graph of the corpus, with its file and the hash of its bytes.
 * @typedef {{ group: string, name: string, path: string, hash: string, graph: Graph }} Row
 */

/** Each yields `[name, graph]`. */
/** @type {Readonly<Record<string, () => AsyncGenerator<[name: string, graph: Graph]>>>} */
const GROUPS = { published: publishedFiles, own: ownGraphs, probes };

export const GROUP_NAMES = Object.keys(GROUPS);

/**
 * Every graph of some groups, written to the cache.
 *
 * @returns {Promise<Row[]>} what slm does not read is not in it
 */
export async function corpusOf(/** @type {readonly string[]} */ groups) {
  const folder = join(CACHE, "corpus");
  await mkdir(folder, { recursive: true });
  const rows = [];
  for (const group of groups) {
    for await (const [name, graph] of GROUPS[group]?.() ?? []) {
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

/** Gives every node a name of its own, so that a compiler's answer and a rule's speak of the same node. */
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

/**
 * What `read` returns, or undefined where slm rejects the model.
 *
 * @template T
 * @param {() => T | Promise<T>} read
 */
export async function readable(read) {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}
