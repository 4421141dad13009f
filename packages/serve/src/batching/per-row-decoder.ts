/**
 * A decoder in which every row has its own position.
 *
 * An exported decoder takes one `past_length` for all rows of a batch, because rows that start together stay together. In continuous
 * batching rows join at different times. GroupQueryAttention accepts a length per row, and attention with separate cache and new
 * positions has the length as its own axis (`ROW_POSITIONS`). The graph therefore needs four edits, for runs of one token:
 *
 * ```
 * past_length [1] ──► past_length [batch]
 *   ├─ Add 1 ──► total [batch] ──► Sub 1, Expand ──► seqlens_k [batch]           (as it was)
 *   │             └─ ReduceMax ──► total_sequence_length [1]                     (longest row)
 *   └─ Cast ──► offset [batch] ── Unsqueeze ──► position_ids [batch, 1]          (a rotation per row)
 * If(one token), step, run ──► step
 * ```
 *
 * Source: onnxruntime 1.30, group_query_attention.cc and rotary_embedding_helper.h.
 */
import { GRAPH_IO, ROW_POSITIONS } from "@slm/exported-model";
import { oneToken } from "@slm/inference";
import { SlmError } from "@slm/core";
import { int, packValues, readIntegers, standardNode, type Graph, type GraphNode } from "@slm/onnx";

/** Operators that compute positions from positions, elementwise or by repeating them. */
const CARRIERS: ReadonlySet<string> = new Set(["Add", "Sub", "Cast", "Expand"]);

/** The input of an operator with the total number of positions, or each row's query position. */
const READERS: ReadonlyMap<
  string,
  { readonly total?: number; readonly perRow: readonly number[]; readonly ids?: number }
> = new Map([
  ["GroupQueryAttention", { total: 6, perRow: [5] }],
  ["RotaryEmbedding", { ids: 1, perRow: [] }],
]);

const AXES_NAME = "serve/last_axis";
const MAX_NAME = "serve/longest";
const IDS_NAME = "serve/position_ids";

/** Whether a decoder already has a position per row. */
function hasRowPositions(graph: Graph): boolean {
  return graph.inputs.find(({ name }) => name === GRAPH_IO.pastLength)?.shape[0] !== 1;
}

/**
 * The decoder with `past_length` int32 `[batch]`. For rows at equal positions the results are the same.
 *
 * @throws SlmError OP_UNSUPPORTED if an operator other than those above reads the positions.
 */
export function perRowDecoder(graph: Graph): Graph {
  if (hasRowPositions(graph)) return graph;
  const positions = new Set<string>([GRAPH_IO.pastLength]);
  const made = new Map<string, GraphNode>();
  const nodes = oneToken(graph).nodes.flatMap((node): GraphNode[] => {
    const read = node.inputs.flatMap((input, at) => (positions.has(input) ? [at] : []));
    if (read.length === 0) return [node];
    if (node.domain === "" && CARRIERS.has(node.opType)) {
      for (const output of node.outputs) positions.add(output);
      return [node];
    }
    if (isOwnAxis(graph, node)) return [node];
    const reader = READERS.get(node.opType);
    const known = reader === undefined ? [] : [reader.total, reader.ids, ...reader.perRow];
    const external = read.find((at) => !known.includes(at));
    if (reader === undefined || external !== undefined) throw unsupported(node);
    const fresh: GraphNode[] = [];
    const swap = (at: number, kind: "ReduceMax" | "Unsqueeze", prefix: string): string => {
      const input = node.inputs[at]!;
      const name = `${prefix}/${input}`;
      if (!made.has(name)) {
        const attributes = kind === "ReduceMax" ? { keepdims: int(1) } : {};
        const added = standardNode(kind, [input, AXES_NAME], name, attributes);
        made.set(name, added);
        fresh.push(added);
      }
      return name;
    };
    const inputs = node.inputs.map((input, at) => {
      if (!read.includes(at)) return input;
      if (at === reader.total) return swap(at, "ReduceMax", MAX_NAME);
      return at === reader.ids ? swap(at, "Unsqueeze", IDS_NAME) : input;
    });
    return [...fresh, { ...node, inputs }];
  });
  return {
    ...graph,
    nodes,
    inputs: graph.inputs.map((input) =>
      input.name === GRAPH_IO.pastLength ? { ...input, shape: ["batch"] } : input,
    ),
    // The only axis of `[batch]` for ReduceMax, the new last axis for Unsqueeze.
    initializers: new Map([
      ...graph.initializers,
      [AXES_NAME, { name: AXES_NAME, dtype: "int64", shape: [1], data: packValues("int64", [-1]) }],
    ]),
  };
}

function isOwnAxis({ initializers }: Graph, { opType, domain, inputs }: GraphNode): boolean {
  const shape = opType === "Reshape" && domain === "" ? initializers.get(inputs[1]!) : undefined;
  return shape !== undefined && readIntegers(shape)?.join() === ROW_POSITIONS.shape.join();
}

function unsupported(node: GraphNode): SlmError {
  return new SlmError(
    "OP_UNSUPPORTED",
    `serve: ${node.opType} '${node.name}' reads one position for all rows, so requests cannot share a batch; ` +
      "expected a decoder of target cpu or web, or of gpu with profile webgpu, directml, or cuda in float16",
    {
      suggestions: [
        "slm export CHECKPOINT --target cpu",
        "slm export CHECKPOINT --target gpu --profile cuda --precision float16",
      ],
    },
  );
}
