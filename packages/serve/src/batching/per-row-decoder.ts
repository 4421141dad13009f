/**
 * A decoder in which every row has its own position.
 *
 * An exported decoder takes one `past_length` for all rows of a batch, because rows that start together stay together. In continuous
 * batching rows join at different times. GroupQueryAttention accepts a length per row, and attention with separate cache and new
 * positions has the length as its own axis (`ROW_POSITIONS`). For runs of one token the graph therefore needs four edits:
 *
 * ```
 * past_length [1] ──► past_length [batch]
 *   ├─ Add 1 ──► total [batch] ──► Sub 1, Expand ──► seqlens_k [batch]           (as it was)
 *   │             └─ ReduceMax ──► total_sequence_length [1]                     (longest row)
 *   └─ Cast ──► offset [batch] ── Unsqueeze ──► position_ids [batch, 1]          (a rotation per row)
 * If(one token), step, run ──► step                                              (only in runs of one token)
 * ```
 *
 * For runs of several tokens (a token and its drafts) positions count up, `position_ids [batch, tokens]`, and the last edit is omitted.
 *
 * Source: onnxruntime 1.30, group_query_attention.cc and rotary_embedding_helper.h.
 */
import { GRAPH_IO, ROW_POSITIONS } from "@slm/exported-model";
import { oneToken } from "@slm/inference";
import { SlmError } from "@slm/core";
import {
  int,
  packValues,
  readIntegers,
  standardNode,
  type Graph,
  type GraphNode,
  type Initializer,
} from "@slm/onnx";

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
const COUNT_NAME = "serve/count_up";
const [ZERO_NAME, ONE_NAME] = ["serve/zero", "serve/one"];

/** Whether a decoder already has a position per row. */
function hasRowPositions(graph: Graph): boolean {
  return graph.inputs.find(({ name }) => name === GRAPH_IO.pastLength)?.shape[0] !== 1;
}

/** Whether every row of a batch may read several tokens in a run. GroupQueryAttention supports that for a single row only. */
export const readsSeveralOfEveryRow = (graph: Graph): boolean =>
  graph.nodes.every(({ opType }) => opType !== "GroupQueryAttention");

/**
 * The decoder with `past_length` int32 `[batch]`. For rows at equal positions the results are the same.
 *
 * @param tokens number of tokens per row in a run
 * @throws SlmError OP_UNSUPPORTED if an operator other than those above reads the positions.
 */
export function perRowDecoder(graph: Graph, tokens: "one" | "several" = "one"): Graph {
  if (hasRowPositions(graph)) return graph;
  const positions = new Set<string>([GRAPH_IO.pastLength]);
  const made = new Map<string, GraphNode>();
  const isStep = tokens === "one";
  const nodes = (isStep ? oneToken(graph) : graph).nodes.flatMap((node): GraphNode[] => {
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
        if (kind === "Unsqueeze" && !isStep) fresh.push(...countedUp(name));
      }
      return kind === "Unsqueeze" && !isStep ? counted(name) : name;
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
    initializers: new Map([
      ...graph.initializers,
      [AXES_NAME, int64(AXES_NAME, [1], [-1])],
      ...scalars(isStep),
    ]),
  };
}

function isOwnAxis({ initializers }: Graph, { opType, domain, inputs }: GraphNode): boolean {
  const shape = opType === "Reshape" && domain === "" ? initializers.get(inputs[1]!) : undefined;
  return shape !== undefined && readIntegers(shape)?.join() === ROW_POSITIONS.shape.join();
}

const counted = (first: string): string => `${COUNT_NAME}/${first}`;

/** `first` int64 `[batch, 1]` + 0, 1, ... up to the number of tokens: int64 `[batch, tokens]`. */
function countedUp(first: string): readonly GraphNode[] {
  const [size, count, offsets] = ["size", "count", "offsets"].map((part) => `${counted(first)}/${part}`) as [
    string,
    string,
    string,
  ];
  return [
    standardNode("Shape", [GRAPH_IO.targetIds], size, { start: int(1), end: int(2) }),
    standardNode("Squeeze", [size], count),
    standardNode("Range", [ZERO_NAME, count, ONE_NAME], offsets),
    standardNode("Add", [first, offsets], counted(first)),
  ];
}

/** Initializers that only runs of several tokens read. */
const scalars = (isStep: boolean): readonly (readonly [string, Initializer])[] =>
  isStep
    ? []
    : [
        [ZERO_NAME, int64(ZERO_NAME, [], [0])],
        [ONE_NAME, int64(ONE_NAME, [], [1])],
      ];

/** Axis -1 of `[batch]` is the only axis for ReduceMax, and the new last axis for Unsqueeze. */
const int64 = (name: string, shape: readonly number[], values: readonly number[]): Initializer => ({
  name,
  dtype: "int64",
  shape,
  data: packValues("int64", values),
});

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
