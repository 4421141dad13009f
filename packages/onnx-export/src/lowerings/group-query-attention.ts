/**
 * Self-attention as ONNX Runtime's GroupQueryAttention, over a padded sequence or a cache that is updated in place.
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
import { SlmError } from "@slm/core";
import { float, int, subgraph } from "@slm/onnx";
import {
  CONTRIB,
  type CachedAttentionAttributes,
  rotationOf,
  type HeadLayout,
  type Lowering,
  type OpSet,
  type OptionalRotation,
  type Recorder,
  type ScoreAttributes,
  type Tensor,
} from "@slm/tensor";
import type { RotaryNames } from "../weights/graph-weights.js";
import { checkHeadOrder, namesOf, type LoweringContext } from "./context.js";
import { cast, countUp, int32, shapeOf, sizeOf, type Attributes } from "./emit.js";
import { decomposedSequence } from "./decomposed-attention.js";
import { attendPresent, bufferedCache } from "./decomposed-caches.js";
import { HeadAxes } from "./head-axes.js";
import { rotateFused } from "./rotation.js";

/** The operator rejects other head sizes. Source: onnxruntime 1.30, group_query_attention_helper.h. */
const HEAD_DIM_MULTIPLE = 8;

/** Its built-in rotation needs a multiple of this; a separate node rotates other sizes. Same source. */
const FUSED_ROTARY_MULTIPLE = 16;

/** Whether the operator supports this head size. */
export const isFusable = ({ headDim }: Pick<HeadLayout, "headDim">): boolean =>
  headDim % HEAD_DIM_MULTIPLE === 0;

/** @throws SlmError OP_UNSUPPORTED for a head size that the operator does not support. */
function checkHeadSize({ headDim }: Pick<HeadLayout, "headDim">): void {
  if (isFusable({ headDim })) return;
  throw new SlmError(
    "OP_UNSUPPORTED",
    `export: GroupQueryAttention needs headDim to be a multiple of ${HEAD_DIM_MULTIPLE}, got ${headDim}`,
    { suggestions: [`train a model whose headDim is a multiple of ${HEAD_DIM_MULTIPLE}`] },
  );
}

/**
 * Bidirectional or causal attention over whole sequences, padded on the right. Relative position biases, windows in both directions and
 * unsupported head sizes use decomposed attention.
 */
export function groupQuerySequence(context: LoweringContext): Lowering<"selfAttention"> {
  const products = decomposedSequence(context);
  return (recorder, inputs, layout) => {
    const { query, key, value, lengths, mask, relativeBias } = inputs;
    const { causal, window } = layout;
    const isFused = isFusable(layout) && relativeBias === undefined && window === undefined;
    if (!causal && !isFused) return products(recorder, inputs, layout);
    if (mask !== undefined) {
      throw new SlmError(
        "OP_UNSUPPORTED",
        "export: GroupQueryAttention supports only padding on the right, given by lengths, not a mask",
      );
    }
    const output = attendSequence(
      { recorder, context, layout, rotation: "inside" },
      namesOf(recorder, { query, key, value }),
      { causal, lengths: lengths === undefined ? undefined : recorder.nameOf(lengths) },
    );
    return recorder.tensor(output, query.shape);
  };
}

/**
 * Attention of new positions over a cache that is updated in place.
 *
 * @param rotation `inside`: by the operator, if it supports the head size. `before`: by separate nodes, for providers whose operator does
 * not rotate. Not all of these support windows and capped scores, so layers with them use decomposed attention.
 */
export function groupQueryCache(
  context: LoweringContext,
  rotation: Exclude<AttentionPlace["rotation"], "done">,
): Lowering<"cachedAttention"> {
  const products = bufferedCache(context);
  return (recorder, inputs, layout) => {
    if (layout.caches === "delta")
      throw new SlmError("UNEXPECTED", "export: this attention lowering returns whole caches");
    const { query, key, value, pastKey, pastValue, pastLength } = inputs;
    const isPlain = (layout.window ?? layout.softcap) === undefined;
    const isAlone = (inputs.relativeBias ?? inputs.sourceKey) === undefined;
    const isFused = isAlone && (isFusable(layout) || context.runsAreLong);
    if (!isFused || (rotation === "before" && !isPlain)) return products(recorder, inputs, layout);
    const present = attendCached(
      { recorder, context, layout, rotation },
      namesOf(recorder, { query, key, value }),
      namesOf(recorder, { pastKey, pastValue, pastLength }),
    );
    return {
      output: recorder.tensor(
        outputOfAnyRun(recorder, context, present, { inputs, layout }),
        inputs.query.shape,
      ),
      presentKey: recorder.tensor(present.presentKey, pastKey.shape),
      presentValue: recorder.tensor(present.presentValue, pastValue.shape),
    };
  };
}

/**
 * Emits the output of a run of any length. Some providers' operator is correct only for few new positions, although the caches that it
 * returns are always correct. A longer run (a prompt, scoring) computes its output from those caches again:
 *
 * ```
 * few new positions? ── yes ──► output of GroupQueryAttention
 *                    └─ no ───► queries · presentKey ᵀ ─► mask ─► softmax ─► · presentValue
 * ```
 */
function outputOfAnyRun(
  recorder: Recorder,
  context: LoweringContext,
  present: CachedValues,
  {
    inputs: { query, pastLength },
    layout,
  }: {
    readonly inputs: OpSet["cachedAttention"]["inputs"];
    readonly layout: CachedAttentionAttributes;
  },
): string {
  const { builder } = recorder;
  const { device, sequence } = context;
  const { fusedPositions } = device;
  if (fusedPositions === null) return present.output;
  const isFew = builder.op("LessOrEqual", [
    sizeOf(recorder, sequence.tokens, 1),
    int32(recorder, fusedPositions),
  ]);
  const products = (): string => {
    const { presentKey, presentValue } = present;
    const heads = new HeadAxes(recorder, context).split(
      present.query,
      query.shape,
      layout.heads,
      layout.headDim,
    );
    const slots = countUp(recorder, sizeOf(recorder, presentKey, 2));
    const over = { presentKey, presentValue, query: heads, past: recorder.nameOf(pastLength), slots };
    return recorder.nameOf(attendPresent(recorder, context, over, { query, layout }));
  };
  const branches = {
    then_branch: subgraph(builder.branch("fused", () => builder.op("Identity", [present.output]))),
    else_branch: subgraph(builder.branch("products", products)),
  };
  return builder.op("If", [isFew], { attributes: branches });
}

/** Attention of new positions, already rotated and scaled, over a cache that the operator joins with them in its own memory. */
export function attendJoined(
  recorder: Recorder,
  context: LoweringContext,
  step: CachedStep,
  layout: AttentionPlace["layout"],
): string {
  return attendCached({ recorder, context, layout, rotation: "done", scale: 1 }, step, step).output;
}

/** cos and sin of every position; nothing for models without RoPE. */
function rotaryTable({ recorder, context, layout }: AttentionPlace): RotaryNames | undefined {
  const { positions, weights } = context;
  const rotation = rotationOf(layout);
  return rotation && weights.rotary(recorder, { positions, rotation, headDim: layout.headDim });
}

interface AttentionValues {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

interface CacheValues {
  readonly pastKey: string;
  readonly pastValue: string;
  /** int32 `[1]` */
  readonly pastLength: string;
}

/** Names of the inputs of attention over a cache. */
export interface CachedStep extends AttentionValues, CacheValues {
  /** See the op. */
  readonly relativeBias?: Tensor | undefined;
}

interface AttentionPlace {
  readonly recorder: Recorder;
  readonly context: LoweringContext;
  readonly layout: HeadLayout & OptionalRotation & ScoreAttributes;
  /** Rotation of queries and keys: by the operator if it supports the head size, by separate nodes, or already done. */
  readonly rotation: "inside" | "before" | "done";
  /** Factor of the scores. Default: 1 / sqrt(headDim). */
  readonly scale?: number;
}

/** Emits attention over whole sequences; `lengths` int32 `[batch]` is the number of tokens per row. Absent: all. */
function attendSequence(
  place: AttentionPlace,
  values: AttentionValues,
  { causal, lengths }: { readonly causal: boolean; readonly lengths: string | undefined },
): string {
  const { recorder, context } = place;
  const { builder } = recorder;
  const { tokens } = context.sequence;
  const total = sizeOf(recorder, tokens, 1);
  const last =
    lengths === undefined
      ? perRow(recorder, builder.op("Sub", [total, int32(recorder, 1)]), tokens)
      : builder.op("Sub", [lengths, int32(recorder, 1)]);
  return attend(place, values, {
    cache: [],
    last,
    total,
    offset: builder.ints([0]),
    causal,
  }).output;
}

/** The results of a cached step. The caches share the memory of the past ones. */
interface CachedValues {
  /** Queries as the operator read them: rotated, unless the operator rotates them itself. */
  readonly query: string;
  readonly output: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

/** Emits attention of new positions over the cache and each other. */
function attendCached(place: AttentionPlace, values: AttentionValues, cache: CacheValues): CachedValues {
  const { recorder, context } = place;
  const { builder } = recorder;
  const { tokens } = context.sequence;
  const total = builder.op("Add", [cache.pastLength, sizeOf(recorder, tokens, 1)]);
  return attend(place, values, {
    cache: [cache.pastKey, cache.pastValue],
    last: perRow(recorder, builder.op("Sub", [total, int32(recorder, 1)]), tokens),
    total,
    offset: cast(recorder, cache.pastLength, "int64"),
    causal: true,
  });
}

/** Repeats one number `[1]` for every row: `[batch]`. */
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
  const { recorder, layout, rotation, scale } = place;
  const { heads, kvHeads, headDim, window, softcap } = layout;
  checkHeadOrder(layout);
  checkHeadSize(layout);
  const table = rotaryTable(place);
  const isInside = table !== undefined && rotation === "inside" && headDim % FUSED_ROTARY_MULTIPLE === 0;
  const turn = (x: string, count: number): string =>
    isInside || rotation === "done" || table === undefined
      ? x
      : rotateFused(recorder, { x, table, offset: span.offset, heads: count, headDim });
  const attributes: Attributes = {
    num_heads: int(heads),
    kv_num_heads: int(kvHeads),
    do_rotary: int(isInside ? 1 : 0),
    // Older versions do not have this attribute, so its default is left out.
    ...(span.causal ? {} : { causal: int(0) }),
    ...(scale === undefined ? {} : { scale: float(scale) }),
    ...(window === undefined ? {} : { local_window_size: int(window) }),
    ...(softcap === undefined ? {} : { softcap: float(softcap) }),
  };
  const [pastKey = "", pastValue = ""] = span.cache;
  const query = turn(values.query, heads);
  const inputs = [
    query,
    turn(values.key, kvHeads),
    values.value,
    pastKey,
    pastValue,
    span.last,
    span.total,
    ...(isInside ? [table.cos, table.sin] : []),
  ];
  const outputs = span.cache.length === 0 ? 1 : 3;
  const node = recorder.builder.node("GroupQueryAttention", inputs, { domain: CONTRIB, attributes, outputs });
  const [output = "", presentKey = "", presentValue = ""] = node;
  return { query, output, presentKey, presentValue };
}
