/**
 * A decoder with a lexical shortlist, in two graphs: what depends on the source alone runs once for a batch, the rest in every step.
 *
 * ```
 * lexical_bias ─► listing ─► ids, rows of the head, their biases, who may answer with which ─┐
 * tokens, caches, what else the encoder made ─► decoder ─────────────────────────────────────┴─► logits of the listed tokens, argmax of them
 * ```
 *
 * The same nodes compute the same numbers as in one graph. Logits of the whole vocabulary, 45 times as many, are made by the host, and only
 * where it asks for logits (`allLogits`).
 */
import { GRAPH_IO, LEXICAL_MASKED, LISTED } from "@slm/exported-model";
import { removeDeadCode, type Graph, type ValueInfo } from "@slm/onnx";
import { withPicksOf } from "./argmax-output.js";

export interface ListedDecoder {
  /** The bias of a batch's rows in, what steps are fed in its place out. */
  readonly listing: Graph;
  readonly decoder: Graph;
}

/** Values of which a step is fed, in the order of the graph's outputs. */
const FED: readonly ValueInfo[] = [
  { name: LISTED.ids, dtype: "int64", shape: ["listed"] },
  { name: LISTED.rows, dtype: "float32", shape: ["listed", "width"] },
  { name: LISTED.rowBias, dtype: "float32", shape: ["listed"] },
  { name: LISTED.bias, dtype: "float32", shape: ["batch", "listed"] },
];

/** The two graphs of a decoder; undefined for one that does not name what it lists. */
export function splitListed(graph: Graph): ListedDecoder | undefined {
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const named = [LISTED.ids, LISTED.rows, LISTED.bias, LISTED.logits];
  const isBias = ({ name }: ValueInfo): boolean => name === GRAPH_IO.lexicalBias;
  if (!graph.inputs.some(isBias) || !named.every((name) => made.has(name))) return undefined;
  const fed = FED.filter(({ name }) => made.has(name));
  const names = new Set(fed.map(({ name }) => name));
  const listing = removeDeadCode({
    ...graph,
    name: "listing",
    inputs: graph.inputs.filter(isBias),
    outputs: fed,
  });
  const steps: Graph = {
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !outputs.some((output) => names.has(output))),
    inputs: [...graph.inputs.filter((input) => !isBias(input)), ...fed],
    outputs: graph.outputs.map((output) =>
      output.name === GRAPH_IO.logits
        ? { ...output, name: LISTED.logits, shape: [output.shape?.[0] ?? "batch", "listed"] }
        : output,
    ),
  };
  const decoder = removeDeadCode(withPicksOf(steps, { logits: LISTED.logits, ids: LISTED.ids }));
  return { listing, decoder };
}

/**
 * Logits of the whole vocabulary as the undivided decoder returns them.
 *
 * @param listed logits `[rows, ids.length]`
 * @returns `[rows, vocabularySize]`, masked at tokens that may answer no row
 */
export function allLogits(listed: Float32Array, ids: BigInt64Array, vocabularySize: number): Float32Array {
  const rows = listed.length / ids.length;
  const all = new Float32Array(rows * vocabularySize).fill(LEXICAL_MASKED);
  for (let at = 0; at < ids.length; at++) {
    const id = Number(ids[at]);
    for (let row = 0; row < rows; row++) all[row * vocabularySize + id] = listed[row * ids.length + at]!;
  }
  return all;
}
