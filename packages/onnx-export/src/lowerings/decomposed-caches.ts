/** Cached self-attention with standard operators, over a buffer or a growing cache. For static graphs see `window-cache.ts`. */
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import {
  type CachedAttentionAttributes,
  type Lowering,
  type OpSet,
  type Recorder,
  type Tensor,
} from "@slm/tensor";
import { checkHeadOrder, type LoweringContext } from "./context.js";
import { cast, concat, countUp, int32, reshape, sizeOf, transposeAxes } from "./emit.js";
import { HeadAxes } from "./head-axes.js";
import { attendedOnly, maskBias } from "./padding.js";
import { addBias, attend, mergedNames, turned, type MergedNames } from "./decomposed-attention.js";
import { foldedRelativeBias, relativeScores, withRelative } from "./relative-scores.js";

type Inputs = OpSet["cachedAttention"]["inputs"];
type Outputs = OpSet["cachedAttention"]["outputs"];

/** Query, key and value of new positions as heads `[batch, heads, length, headDim]`. Query and key are rotated. */
interface NewHeads {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

function newHeads(
  recorder: Recorder,
  context: LoweringContext,
  { query, key, value, pastLength }: Inputs,
  layout: CachedAttentionAttributes,
): NewHeads {
  const { heads, kvHeads, headDim } = layout;
  const offset = cast(recorder, recorder.nameOf(pastLength), "int64");
  const turn = (x: Tensor, count: number): string =>
    turned(recorder, context, { x, heads: count, headDim, rotation: layout, offset });
  const axes = new HeadAxes(recorder, context);
  return {
    query: turn(query, heads),
    key: turn(key, kvHeads),
    value: axes.split(recorder.nameOf(value), value.shape, kvHeads, headDim),
  };
}

/** How the cache stores the new positions. */
type Extend = (past: string, fresh: string) => string;

/**
 * A buffer of fixed capacity. New positions are written at `pastLength` as `present = Where(is new, new, past)` for each position, so past
 * and present can be one buffer.
 */
export function bufferedCache(context: LoweringContext): Lowering<"cachedAttention"> {
  return (recorder, inputs, layout) => {
    const { extend, slots } = slotBySlot(recorder, context, {
      past: recorder.nameOf(inputs.pastLength),
      cache: recorder.nameOf(inputs.pastKey),
    });
    return cached(recorder, context, inputs, { layout, extend, slots });
  };
}

/**
 * Returns a function that writes new positions into buffers `[batch, heads, capacity, width]` from `past` int32 `[1]`, and the slot
 * numbers, int32 `[capacity]`.
 */
export function slotBySlot(
  recorder: Recorder,
  context: LoweringContext,
  { past, cache }: { readonly past: string; readonly cache: string },
): { readonly extend: Extend; readonly slots: string } {
  const { builder } = recorder;
  const slots = countUp(recorder, sizeOf(recorder, cache, 2));
  const after = builder.op("Sub", [slots, past]);
  const last = builder.op("Sub", [sizeOf(recorder, context.sequence.tokens, 1), int32(recorder, 1)]);
  // The new position for each slot, or the nearest one.
  const source = builder.op("Max", [builder.op("Min", [after, last]), int32(recorder, 0)]);
  const isNew = reshape(recorder, builder.op("Equal", [after, source]), [-1, 1]);
  const extend: Extend = (buffer, fresh) => {
    const spread = builder.op("Gather", [fresh, source], { attributes: { axis: int(2) } });
    return builder.op("Where", [isNew, spread, buffer]);
  };
  return { extend, slots };
}

/**
 * A growing cache: `present = Concat(past, new)`. If the graph has a mask of the tokens, padding is not attended. Padding counts as
 * positions: this rotates all tokens of a row alike, which does not change scores.
 */
export function growingCache(context: LoweringContext): Lowering<"cachedAttention"> {
  return (recorder, inputs, layout) => {
    if (inputs.sourceKey !== undefined) throw mergedUnsupported();
    const { builder } = recorder;
    const past = recorder.nameOf(inputs.pastLength);
    const total = builder.op("Add", [past, sizeOf(recorder, context.sequence.tokens, 1)]);
    const extend: Extend = (cache, fresh) => concat(recorder, [cache, fresh], 2);
    const slots = countUp(recorder, total);
    return cached(recorder, context, inputs, { layout, extend, slots });
  };
}

function mergedUnsupported(): SlmError {
  return new SlmError(
    "OP_UNSUPPORTED",
    "export: layout transformers.js has no model class with one attention over target and source (mergedAttention, T5Gemma 2)",
    { suggestions: ["--layout native"] },
  );
}

interface PresentKv {
  readonly layout: CachedAttentionAttributes;
  readonly extend: Extend;
  /** Positions of the present cache: int32 `[keys]`. */
  readonly slots: string;
}

function cached(
  recorder: Recorder,
  context: LoweringContext,
  inputs: Inputs,
  { layout, extend, slots }: PresentKv,
): Outputs {
  checkHeadOrder(layout);
  if (layout.caches === "delta")
    throw new SlmError("UNEXPECTED", "export: these attention lowerings return whole caches");
  const { pastKey, pastValue, pastLength, query } = inputs;
  const fresh = newHeads(recorder, context, inputs, layout);
  const presentKey = extend(recorder.nameOf(pastKey), fresh.key);
  const presentValue = extend(recorder.nameOf(pastValue), fresh.value);
  const past = recorder.nameOf(pastLength);
  const { relativeBias } = inputs;
  const source = mergedNames(recorder, inputs);
  const heads = { presentKey, presentValue, query: fresh.query, past, slots, relativeBias, source };
  return {
    output: attendPresent(recorder, context, heads, { query, layout }),
    presentKey: recorder.tensor(presentKey, pastKey.shape),
    presentValue: recorder.tensor(presentValue, pastValue.shape),
  };
}

/** Caches that include the new positions, and the queries of the new positions. */
interface PresentHeads {
  /** `[batch, kvHeads, keys, headDim]`, rotated. */
  readonly presentKey: string;
  /** `[batch, kvHeads, keys, headDim]` */
  readonly presentValue: string;
  /** `[batch, heads, length, headDim]`, rotated. */
  readonly query: string;
  /** Positions before the new ones: int32 `[1]`. */
  readonly past: string;
  /** Positions of the caches: int32 `[keys]`. */
  readonly slots: string;
  /** See the op. */
  readonly relativeBias?: Tensor | undefined;
  readonly source?: MergedNames | undefined;
}

/** Emits attention of new positions over caches that already include them. @returns rows with the shape of `query` */
export function attendPresent(
  recorder: Recorder,
  context: LoweringContext,
  { presentKey, presentValue, query, past, slots, relativeBias, source }: PresentHeads,
  place: { readonly query: Tensor; readonly layout: CachedAttentionAttributes },
): Tensor {
  const causal = causalMask(recorder, context, { slots, past, layout: place.layout });
  const relative = relativeScores(relativeBias, place.layout, false);
  const added =
    relative &&
    foldedRelativeBias(recorder, context, relative, slotDistances(recorder, context, { slots, past }));
  const parts = {
    query,
    key: transposeAxes(recorder, presentKey, [0, 1, 3, 2]),
    value: presentValue,
    mask: withRelative(recorder, added, keyMask(recorder, context, causal)),
    source,
  };
  return attend(recorder, context, parts, place);
}

/** Positions of the cache minus new positions: int32 `[length, keys]`. */
function slotDistances(
  recorder: Recorder,
  context: LoweringContext,
  { slots, past }: Pick<PresentHeads, "slots" | "past">,
): string {
  return context.sequence.once("distances", () => {
    const own = ownPositions(recorder, context, past);
    return recorder.builder.op("Sub", [slots, own]);
  });
}

/** New positions: int32 `[length, 1]`. */
function ownPositions(recorder: Recorder, { sequence }: LoweringContext, past: string): string {
  const own = recorder.builder.op("Add", [countUp(recorder, sizeOf(recorder, sequence.tokens, 1)), past]);
  return reshape(recorder, own, [-1, 1]);
}

/** Also masks padding, if the graph has an input for it. */
function keyMask(
  recorder: Recorder,
  { inputs }: LoweringContext,
  mask: (scores: string) => string,
): (scores: string) => string {
  if (inputs.keyMask === undefined) return mask;
  const bias = addBias(recorder, maskBias(recorder, cast(recorder, inputs.keyMask, "float32")));
  return (scores) => mask(bias(scores));
}

/**
 * Replaces the scores of positions after the query, because the rest of a buffer can contain anything. With a window also the scores of
 * positions before it.
 */
function causalMask(
  recorder: Recorder,
  context: LoweringContext,
  span: { readonly slots: string; readonly past: string; readonly layout: CachedAttentionAttributes },
): (scores: string) => string {
  const { builder } = recorder;
  const { slots, past, layout } = span;
  const column = ownPositions(recorder, context, past);
  const before = builder.op("LessOrEqual", [slots, column]);
  const near = (window: number): string =>
    builder.op("Greater", [slots, builder.op("Sub", [column, int32(recorder, window)])]);
  const allowed = layout.window === undefined ? before : builder.op("And", [before, near(layout.window)]);
  const group = layout.heads / layout.kvHeads;
  const rows = group === 1 ? allowed : builder.op("Tile", [allowed, builder.ints([group, 1])]);
  return (scores) => attendedOnly(recorder, rows, scores);
}
