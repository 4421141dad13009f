/**
 * Small exported models with random weights that follow the contract of `GRAPH_IO`: one layer, one head, plain attention.
 * Each model is written twice: as graphs with caches and as JavaScript without caches.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { createRandom } from "@slm/generation";
import { type Graph, GraphBuilder } from "@slm/onnx";

export const HEAD_DIM = 4;
export const VOCABULARY = 11;
/** Masks a position: far below any score, and still finite in float32. */
const HIDDEN = -1e9;

/** Row-major tables `[vocab, headDim]`: the embeddings of ids in the encoder and decoder, and the output head. */
export interface TinyWeights {
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly target: Float32Array;
  readonly output: Float32Array;
}

export function tinyWeights(seed: number): TinyWeights {
  const { next } = createRandom(seed);
  const table = (): Float32Array =>
    Float32Array.from({ length: VOCABULARY * HEAD_DIM }, () => 4 * next() - 2);
  return { key: table(), value: table(), target: table(), output: table() };
}

const table = (graph: GraphBuilder, name: keyof TinyWeights, weights: TinyWeights): string => {
  return graph.initializer(name, "float32", [VOCABULARY, HEAD_DIM], weights[name]);
};

/**
 *   ids -> key table -> [batch, source, dim] -> transposed [batch, 1, dim, source] -> cross key
 *   ids -> value table -> [batch, 1, source, dim] -> cross value
 *   position < length ? 0 : hidden -> [batch, 1, 1, source] -> bias
 */
export function tinyEncoder(weights: TinyWeights): Graph {
  const graph = new GraphBuilder("tiny-encoder");
  const ids = graph.input(GRAPH_IO.sourceIds, "int32", ["batch", "source"]);
  const lengths = graph.input(GRAPH_IO.sourceLengths, "int32", ["batch"]);
  const keys = graph.op("Gather", [table(graph, "key", weights), ids]);
  const values = graph.op("Gather", [table(graph, "value", weights), ids]);
  const transposed = graph.op("Transpose", [keys], {
    attributes: { perm: { kind: "ints", value: [0, 2, 1] } },
  });

  const width = graph.op("Cast", [axisSize(graph, ids, 1)], {
    attributes: { to: { kind: "int", value: 6 } },
  });
  const positions = graph.op("Range", [scalar(graph, 0), width, scalar(graph, 1)]);
  const isToken = graph.op("Less", [positions, graph.op("Unsqueeze", [lengths, graph.ints([1])])]);
  const bias = graph.op("Where", [isToken, float(graph, 0), float(graph, HIDDEN)]);

  graph.output(GRAPH_IO.sourceBias, unsqueeze(graph, bias, [1, 2]), "float32", ["batch", 1, 1, "source"]);
  graph.output(GRAPH_IO.crossKey(0), unsqueeze(graph, transposed, [1]), "float32", [
    "batch",
    1,
    HEAD_DIM,
    "source",
  ]);
  graph.output(GRAPH_IO.crossValue(0), unsqueeze(graph, values, [1]), "float32", [
    "batch",
    1,
    "source",
    HEAD_DIM,
  ]);
  return graph.build();
}

/**
 *   ids -> target table -> x; scattered into the caches at pastLength
 *   attention(x, cache up to its own position) [+ attention(x, source)], last position -> output table -> logits
 */
export function tinyDecoder(weights: TinyWeights, hasSource: boolean): Graph {
  const graph = new GraphBuilder("tiny-decoder");
  const cacheShape = ["batch", 1, "capacity", HEAD_DIM];
  const ids = graph.input(GRAPH_IO.targetIds, "int32", ["batch", "target"]);
  const past = graph.input(GRAPH_IO.pastLength, "int32", [1]);
  const pastKey = graph.input(GRAPH_IO.pastKey(0), "float32", cacheShape);
  const pastValue = graph.input(GRAPH_IO.pastValue(0), "float32", cacheShape);
  const x = unsqueeze(graph, graph.op("Gather", [table(graph, "target", weights), ids]), [1]);

  const target = graph.op("Cast", [axisSize(graph, ids, 1)], {
    attributes: { to: { kind: "int", value: 6 } },
  });
  const rows = graph.op("Add", [graph.op("Range", [scalar(graph, 0), target, scalar(graph, 1)]), past]);
  const at = graph.op("Expand", [unsqueeze(graph, rows, [0, 1, 3]), graph.op("Shape", [x])]);
  const scatter = (cache: string): string => {
    return graph.op("ScatterElements", [cache, at, x], { attributes: { axis: { kind: "int", value: 2 } } });
  };
  const key = scatter(pastKey);
  const value = scatter(pastValue);

  const capacity = graph.op("Cast", [axisSize(graph, pastKey, 2)], {
    attributes: { to: { kind: "int", value: 6 } },
  });
  const positions = graph.op("Range", [scalar(graph, 0), capacity, scalar(graph, 1)]);
  const isPast = graph.op("LessOrEqual", [positions, unsqueeze(graph, rows, [1])]);
  const causal = graph.op("Where", [isPast, float(graph, 0), float(graph, HIDDEN)]);
  const perm = { kind: "ints", value: [0, 1, 3, 2] } as const;
  const keyColumns = graph.op("Transpose", [key], { attributes: { perm } });
  let hidden = attention(graph, x, { keyColumns, value, bias: causal });
  if (hasSource) {
    const bias = graph.input(GRAPH_IO.sourceBias, "float32", ["batch", 1, 1, "source"]);
    const crossKey = graph.input(GRAPH_IO.crossKey(0), "float32", ["batch", 1, HEAD_DIM, "source"]);
    const crossValue = graph.input(GRAPH_IO.crossValue(0), "float32", ["batch", 1, "source", HEAD_DIM]);
    const cross = attention(graph, x, { keyColumns: crossKey, value: crossValue, bias });
    hidden = graph.op("Add", [hidden, cross]);
  }
  const last = graph.op("Gather", [hidden, graph.ints([-1], [])], {
    attributes: { axis: { kind: "int", value: 2 } },
  });
  const flat = graph.op("Squeeze", [last, graph.ints([1])]);
  const columns = graph.op("Transpose", [table(graph, "output", weights)]);
  graph.output(GRAPH_IO.logits, graph.op("MatMul", [flat, columns]), "float32", ["batch", VOCABULARY]);
  graph.output(GRAPH_IO.presentKey(0), key, "float32", cacheShape);
  graph.output(GRAPH_IO.presentValue(0), value, "float32", cacheShape);
  return graph.build();
}

interface AttentionInputs {
  readonly keyColumns: string;
  readonly value: string;
  readonly bias: string;
}

function attention(graph: GraphBuilder, query: string, { keyColumns, value, bias }: AttentionInputs): string {
  const scores = graph.op("Add", [graph.op("MatMul", [query, keyColumns]), bias]);
  return graph.op("MatMul", [graph.op("Softmax", [scores]), value]);
}

/** Size of one axis as an int64 scalar. */
function axisSize(graph: GraphBuilder, value: string, axis: number): string {
  return graph.op("Gather", [graph.op("Shape", [value]), graph.ints([axis], [])]);
}

const scalar = (graph: GraphBuilder, value: number): string => graph.constant("int32", [], [value]);
const float = (graph: GraphBuilder, value: number): string => graph.constant("float32", [], [value]);
const unsqueeze = (graph: GraphBuilder, value: string, axes: readonly number[]): string => {
  return graph.op("Unsqueeze", [value, graph.ints(axes)]);
};

/** The logits after `text`, computed from all ids without a cache. `source` is empty for a decoder-only model. */
export function tinyLogits(
  weights: TinyWeights,
  source: readonly number[],
  text: readonly number[],
): number[] {
  const row = (name: keyof TinyWeights, id: number): number[] => {
    return [...weights[name].subarray(id * HEAD_DIM, (id + 1) * HEAD_DIM)];
  };
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, v, at) => sum + v * y[at]!, 0);
  const x = row("target", text.at(-1)!);
  const attend = (keys: readonly number[][], values: readonly number[][]): number[] => {
    const shares = keys.map((key) => Math.exp(dot(x, key)));
    const total = shares.reduce((sum, share) => sum + share, 0);
    return x.map((_, dim) => values.reduce((sum, value, at) => sum + (shares[at]! / total) * value[dim]!, 0));
  };
  const own = text.map((id) => row("target", id));
  const self = attend(own, own);
  const keys = source.map((id) => row("key", id));
  const values = source.map((id) => row("value", id));
  const cross = source.length === 0 ? x.map(() => 0) : attend(keys, values);
  const hidden = self.map((v, dim) => v + cross[dim]!);
  return Array.from({ length: VOCABULARY }, (_, id) => dot(hidden, row("output", id)));
}
