/**
 * Self-attention as ONNX Runtime's GroupQueryAttention, over a padded sequence or over a cache updated in place.
 *
 * ```
 * query, key, value ──────────────────────────► GroupQueryAttention ──► output
 * (rotated before where the fused rotation      ▲  ▲  ▲          │
 *  does not know the head size)                 │  │  │          └────► presentKey, presentValue
 * pastKey, pastValue ───────────────────────────┘  │  │                 (the memory of pastKey, pastValue)
 * seqlens_k [batch]: last position attended ───────┘  │
 * total_sequence_length [1]: positions in all ────────┘
 * ```
 */
import { int } from "@slm/graph";
import { CONTRIB, type HeadLayout, type Recorder } from "@slm/tensor";
import { INT64, int32, shapeOf, sizeOf, type Attributes } from "./emit.js";
import type { GraphWeights, RotaryNames } from "./graph-weights.js";
import { checkHeadOrder, checkHeadSize } from "./heads.js";

/** The rotation inside it wants multiples of this; other sizes are rotated by a node before. Source: onnxruntime 1.30, group_query_attention_helper.h. */
const FUSED_ROTARY_MULTIPLE = 16;
export interface AttentionValues {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

export interface RotarySettings {
  /** Positions the graph can turn: length of the table [tokens]. */
  readonly positions: number;
  readonly base: number;
}

interface AttentionPlace {
  readonly recorder: Recorder;
  readonly weights: GraphWeights;
  /** Token ids `[batch, length]`: every sequence of the graph has their sizes. */
  readonly ids: string;
  readonly layout: HeadLayout;
  readonly rotary: RotarySettings;
}

/** Emits attention over whole sequences; `lengths` int32 `[batch]` counts each row's tokens, absent: all. */
export function attendSequence(
  place: AttentionPlace,
  values: AttentionValues,
  { causal, lengths }: { readonly causal: boolean; readonly lengths: string | undefined },
): string {
  const { recorder, ids } = place;
  const { builder } = recorder;
  const total = sizeOf(recorder, ids, 1);
  const last =
    lengths === undefined
      ? perRow(recorder, builder.op("Sub", [total, int32(recorder, 1)]), ids)
      : builder.op("Sub", [lengths, int32(recorder, 1)]);
  return attend(place, values, {
    cache: [],
    last,
    total,
    offset: builder.ints([0]),
    causal,
  }).output;
}

/** What a cached step computes; the caches are the memory of the past ones. */
interface CachedValues {
  readonly output: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

/** Emits attention of new positions over a cache and themselves. */
export function attendCached(
  place: AttentionPlace,
  values: AttentionValues,
  cache: { readonly pastKey: string; readonly pastValue: string; readonly pastLength: string },
): CachedValues {
  const { recorder, ids } = place;
  const { builder } = recorder;
  const total = builder.op("Add", [cache.pastLength, sizeOf(recorder, ids, 1)]);
  return attend(place, values, {
    cache: [cache.pastKey, cache.pastValue],
    last: perRow(recorder, builder.op("Sub", [total, int32(recorder, 1)]), ids),
    total,
    offset: builder.op("Cast", [cache.pastLength], { attributes: { to: int(INT64) } }),
    causal: true,
  });
}

/** One number `[1]` for every row: `[batch]`. */
function perRow(recorder: Recorder, value: string, ids: string): string {
  return recorder.builder.op("Expand", [value, shapeOf(recorder, ids, 0)]);
}

interface AttentionSpan {
  /** pastKey and pastValue, or nothing. */
  readonly cache: readonly string[];
  readonly last: string;
  readonly total: string;
  /** Position of the first query, int64 `[1]`. */
  readonly offset: string;
  readonly causal: boolean;
}

function attend(place: AttentionPlace, values: AttentionValues, span: AttentionSpan): CachedValues {
  const { recorder, layout, rotary } = place;
  const { heads, kvHeads, headDim } = layout;
  checkHeadOrder(layout);
  checkHeadSize(layout);
  const table = place.weights.rotary(recorder, { ...rotary, headDim });
  const isFused = headDim % FUSED_ROTARY_MULTIPLE === 0;
  const turn = (x: string, count: number): string =>
    isFused ? x : rotate(recorder, { x, table, offset: span.offset, heads: count, headDim });
  const attributes: Attributes = {
    num_heads: int(heads),
    kv_num_heads: int(kvHeads),
    do_rotary: int(isFused ? 1 : 0),
    causal: int(span.causal ? 1 : 0),
  };
  const [pastKey = "", pastValue = ""] = span.cache;
  const inputs = [
    ...[turn(values.query, heads), turn(values.key, kvHeads), values.value],
    ...[pastKey, pastValue, span.last, span.total],
    ...(isFused ? [table.cos, table.sin] : []),
  ];
  const outputs = span.cache.length === 0 ? 1 : 3;
  const node = recorder.builder.node("GroupQueryAttention", inputs, { domain: CONTRIB, attributes, outputs });
  const [output = "", presentKey = "", presentValue = ""] = node;
  return { output, presentKey, presentValue };
}

function rotate(
  recorder: Recorder,
  part: {
    readonly x: string;
    readonly table: RotaryNames;
    readonly offset: string;
    readonly heads: number;
    readonly headDim: number;
  },
): string {
  const { x, table, offset, heads, headDim } = part;
  return recorder.builder.op("RotaryEmbedding", [x, offset, table.cos, table.sin], {
    domain: CONTRIB,
    attributes: { num_heads: int(heads), rotary_embedding_dim: int(headDim) },
  });
}
