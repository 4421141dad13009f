/**
 * Splits a decoder with a lexical shortlist into two graphs: the nodes that depend only on the source run once per batch, the others in every step.
 *
 * ```
 * lexical_bias ─► listing ─► ids, rows of the head, their biases ─┐
 *                                                                 ├─► decoder ─► logits of the listed tokens, argmax of them
 * tokens, caches, other outputs of the encoder ───────────────────┘
 * ```
 *
 * The nodes compute the same numbers as in one graph. Logits of the whole vocabulary, 45 times as many, are computed on the host, and only if it
 * needs logits (`WholeLogits`).
 */
import { GRAPH_IO, LISTED } from "@slm/exported-model";
import { removeDeadCode, type Graph, type ValueInfo } from "@slm/onnx";
import { withPicksOf } from "./argmax-output.js";

export interface ListedDecoder {
  /** Input: the bias of a batch's rows. Outputs: the decoder inputs that replace it. */
  readonly listing: Graph;
  readonly decoder: Graph;
}

/** Inputs of the decoder's steps. */
const FED: readonly ValueInfo[] = [
  { name: LISTED.ids, dtype: "int64", shape: ["listed"] },
  { name: LISTED.rows, dtype: "float32", shape: ["listed", "width"] },
  { name: LISTED.bias, dtype: "float32", shape: ["batch", "listed"] },
];

/** Outputs that are recomputed for the listed tokens only. */
const PICKS: ReadonlySet<string> = new Set([GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities]);

/** Splits a decoder into two graphs with argmax outputs; undefined if the decoder does not name the parts that list tokens. */
export function splitListed(graph: Graph): ListedDecoder | undefined {
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const named = Object.values(LISTED);
  const isBias = ({ name }: ValueInfo): boolean => name === GRAPH_IO.lexicalBias;
  if (!graph.inputs.some(isBias) || !named.every((name) => made.has(name))) return undefined;
  const names = new Set(FED.map(({ name }) => name));
  const listing = removeDeadCode({
    ...graph,
    name: "listing",
    inputs: graph.inputs.filter(isBias),
    outputs: FED,
  });
  const steps = removeDeadCode({
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !outputs.some((output) => names.has(output))),
    inputs: [...graph.inputs.filter((input) => !isBias(input)), ...FED],
    outputs: graph.outputs
      .filter(({ name }) => !PICKS.has(name))
      .map((output) =>
        output.name === GRAPH_IO.logits
          ? { ...output, name: LISTED.logits, shape: [output.shape?.[0] ?? "batch", "listed"] }
          : output,
      ),
  });
  return { listing, decoder: withPicksOf(steps, { logits: LISTED.logits, ids: LISTED.ids }) };
}
