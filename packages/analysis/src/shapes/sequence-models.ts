/** Shape inference of recurrent layers and attention. */
import type { InferContext, InferRule } from "./context.js";
import { likeFirst } from "./elementwise.js";
import { isNumber, sumOf, type Dimension, type Shape } from "./facts.js";
import { normalize } from "./reduce.js";

/** Outputs of RNN, GRU and LSTM: `[seq, directions, batch, hidden]`, then one or two last states. */
const recurrent: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const directions = c.text("direction", "forward") === "bidirectional" ? 2 : 1;
  const stated = c.int("hidden_size", -1);
  const hidden = stated > 0 ? stated : (c.shape(2)?.at(-1) ?? "");
  const isBatchFirst = c.int("layout", 0) === 1;
  const [first = "", second = ""] = shape ?? [];
  const [length, batch] = isBatchFirst ? [second, first] : [first, second];
  const all = isBatchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
  const last = { dtype, shape: isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden] };
  return [{ dtype, shape: all }, last, last];
};

const divided = (size: Dimension | undefined, by: number): Dimension =>
  isNumber(size) && by > 0 && size % by === 0 ? size / by : "";

/** ONNX `Attention` (opset 23): operands of 3 axes `[batch, length, heads * size]` or 4 `[batch, heads, length, size]`. */
const attention: InferRule = (c) => {
  const [q, k, v] = [c.shape(0), c.shape(1), c.shape(2)];
  const dtype = c.input(0).dtype;
  if (q === undefined || k === undefined || v === undefined) return [{ dtype }];
  const isFlat = q.length === 3;
  const [qHeads, kvHeads] = isFlat
    ? [c.int("q_num_heads", 0), c.int("kv_num_heads", 0)]
    : [q[1] ?? "", k[1] ?? ""];
  const batch = q[0] ?? "";
  const length = q.at(-2) ?? "";
  const headSize = (shape: Shape): Dimension =>
    isFlat && isNumber(kvHeads) ? divided(shape[2], kvHeads) : (shape.at(-1) ?? "");
  const size = headSize(v);
  const past = c.has(4) ? (c.shape(4)?.[2] ?? "") : 0;
  const total = sumOf([past, k.at(-2) ?? ""]);
  const width = isNumber(size) && isNumber(qHeads) ? size * qHeads : "";
  return [
    { dtype, shape: isFlat ? [batch, length, width] : [batch, qHeads, length, size] },
    { dtype, shape: [batch, kvHeads, total, headSize(k)] },
    { dtype, shape: [batch, kvHeads, total, size] },
    { dtype, shape: [batch, qHeads, length, total] },
  ];
};

/** The cache after a step: as long as the past cache if both share one buffer, which the graph's output type shows. */
function presentCache(c: InferContext, past: number, fresh: Shape): Shape {
  const before = c.has(past) ? c.shape(past) : undefined;
  if (before?.length !== 4) return fresh;
  return [before[0] ?? "", before[1] ?? "", "", before[3] ?? ""];
}

const groupQueryAttention: InferRule = (c) => {
  const query = c.shape(0);
  const dtype = c.input(0).dtype;
  const [heads, kvHeads] = [c.int("num_heads", 0), c.int("kv_num_heads", 0)];
  const [batch = "", length = "", width = ""] = query ?? [];
  const isPacked = !c.has(1);
  const size = divided(width, isPacked ? heads + 2 * kvHeads : heads);
  const hidden = isPacked ? (isNumber(size) ? size * heads : "") : width;
  const fresh = [batch, kvHeads, c.has(3) ? "" : length, size];
  const cache = c.input(3).dtype ?? dtype;
  return [
    { dtype, shape: query && [batch, length, hidden] },
    { dtype: cache, shape: query && presentCache(c, 3, fresh) },
    { dtype: cache, shape: query && presentCache(c, 4, fresh) },
  ];
};

const multiHeadAttention: InferRule = (c) => {
  const [query, value] = [c.shape(0), c.shape(2)];
  const dtype = c.input(0).dtype;
  if (query?.length !== 3) return [{ dtype }];
  const heads = c.int("num_heads", 0);
  const valueWidth =
    value?.length === 4 ? (isNumber(value[3]) ? value[3] * heads : "") : (value?.[2] ?? query[2] ?? "");
  return [{ dtype, shape: [query[0] ?? "", query[1] ?? "", valueWidth] }];
};

/** `com.microsoft.Attention`: weights `[in, 3 * hidden]`. */
const packedAttention: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const sizes = c.ints("qkv_hidden_sizes");
  const hidden = sizes?.[2] ?? divided(c.shape(1)?.[1], 3);
  return [{ dtype, shape: shape && [...shape.slice(0, -1), hidden] }];
};

/** Output, two statistics, and the residual sum. */
const skipNormalize: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  return [...normalize(c), { dtype, shape }].slice(0, 4);
};

const embedNormalize: InferRule = (c) => {
  const [ids, table] = [c.shape(0), c.shape(2)];
  const shape: Shape | undefined = ids && [...ids, table?.[1] ?? ""];
  const { dtype } = c.input(2);
  return [
    { dtype, shape },
    { dtype: "int32", shape: ids && [ids[0] ?? ""] },
    { dtype, shape },
  ];
};

export const SEQUENCE_MODELS: Readonly<Record<string, InferRule>> = {
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
  Attention: attention,
  RotaryEmbedding: likeFirst,
};

export const CONTRIB_SEQUENCE_MODELS: Readonly<Record<string, InferRule>> = {
  Attention: packedAttention,
  BiasGelu: likeFirst,
  EmbedLayerNormalization: embedNormalize,
  FastGelu: likeFirst,
  Gelu: likeFirst,
  GroupQueryAttention: groupQueryAttention,
  MultiHeadAttention: multiHeadAttention,
  QuickGelu: likeFirst,
  RotaryEmbedding: likeFirst,
  SkipLayerNormalization: skipNormalize,
  SkipSimplifiedLayerNormalization: skipNormalize,
};
