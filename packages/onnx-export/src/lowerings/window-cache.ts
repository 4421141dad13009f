/**
 * Cached self-attention in static graphs: one text, n new tokens, and caches of `window - 1` positions with transposed keys. Attention
 * covers the caches and the tokens themselves; the graph's input bias `[1, 1, n, window - 1 + n]` masks it:
 *
 * ```
 * pastKey   [1, kvHeads, headDim, window - 1] ──┐
 * keys of the tokens [1, kvHeads, headDim, n] ──┴─ Concat ─► keys     (likewise values)
 * ```
 *
 * `presentKey [1, kvHeads, headDim, n]` and `presentValue [1, kvHeads, n, headDim]` belong to the new tokens; the host writes them into
 * slots that it chooses. `pastLength` int32 `[n]` contains the tokens' positions.
 */
import { SlmError } from "@slm/core";
import {
  rotationOf,
  type CachedAttentionAttributes,
  type Lowering,
  type OpSet,
  type Recorder,
  type Tensor,
} from "@slm/tensor";
import type { RotaryNames } from "../weights/graph-weights.js";
import { checkHeadOrder, STATIC_MASKED, type LoweringContext } from "./context.js";
import { addBias, attend, mergedNames } from "./decomposed-attention.js";
import { concat, int32, reshape, transposeAxes } from "./emit.js";
import { HeadAxes } from "./head-axes.js";
import { foldedRelativeBias, relativeScores, withRelative } from "./relative-scores.js";
import { rotateHalves } from "./rotation.js";

/** One attention over the window during recording. */
interface WindowStep {
  readonly recorder: Recorder;
  readonly context: LoweringContext;
  readonly inputs: OpSet["cachedAttention"]["inputs"];
  readonly layout: CachedAttentionAttributes;
  /** New tokens. */
  readonly length: number;
}

/** @throws SlmError OP_UNSUPPORTED for decoder-only models with per-layer windows */
export function windowCache(context: LoweringContext): Lowering<"cachedAttention"> {
  return (recorder, inputs, layout) => {
    const windowBias = requireBias(context, layout);
    const { query, key, value, pastKey, pastValue } = inputs;
    const { heads, kvHeads, headDim } = layout;
    const length = query.shape[1]!;
    const step: WindowStep = { recorder, context, inputs, layout, length };
    const angles = anglesOf(step);
    const relative = relativeBiasOf(step);
    const newKey = columnsOf(step, headsOf(step, key, kvHeads, angles));
    const newValue = headsOf(step, value, kvHeads);
    const parts = {
      query: headsOf(step, query, heads, angles),
      key: concat(recorder, [recorder.nameOf(pastKey), newKey], 3),
      value: concat(recorder, [recorder.nameOf(pastValue), newValue], 2),
      mask: withRelative(recorder, relative, (scores) => {
        const inGraphWindow = addBias(recorder, forEachHead(step, windowBias))(scores);
        return inLayerWindow(step, inGraphWindow);
      }),
      source: mergedNames(recorder, inputs),
    };
    return {
      output: attend(recorder, context, parts, { query, layout }),
      presentKey: recorder.tensor(newKey, [1, kvHeads, headDim, length]),
      presentValue: recorder.tensor(newValue, [1, kvHeads, length, headDim]),
    };
  };
}

/** The graph's input bias, which masks slots and tokens. */
function requireBias(context: LoweringContext, layout: CachedAttentionAttributes): string {
  checkHeadOrder(layout);
  const { windowBias } = context.inputs;
  if (layout.window !== undefined && context.runsAreLong)
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: per-layer sliding windows are not supported for target npu",
    );
  if (windowBias === undefined)
    throw new SlmError("UNEXPECTED", "export: a static decoder needs its bias as an input");
  return windowBias;
}

/** Rows of new tokens to heads `[1, count, length, headDim]`, rotated if there are angles. */
function headsOf(
  { recorder, context, layout }: WindowStep,
  rows: Tensor,
  count: number,
  angles?: RotaryNames,
): string {
  const { headDim } = layout;
  const split = new HeadAxes(recorder, context).split(recorder.nameOf(rows), rows.shape, count, headDim);
  return angles === undefined ? split : rotateHalves(recorder, split, angles, headDim);
}

/** Keys in the cache's layout: `[1, kvHeads, headDim, length]`. */
function columnsOf({ recorder, layout, length }: WindowStep, keys: string): string {
  return length === 1
    ? reshape(recorder, keys, [1, layout.kvHeads, layout.headDim, 1])
    : transposeAxes(recorder, keys, [0, 1, 3, 2]);
}

/** cos and sin of the tokens' positions, `[1, 1, length, headDim / 2]`; nothing for models without RoPE. */
function anglesOf({ recorder, context, inputs, layout, length }: WindowStep): RotaryNames | undefined {
  const { capacity: positions, headDim } = layout;
  const rotation = rotationOf(layout);
  if (rotation === undefined) return undefined;
  const table = context.weights.rotary(recorder, { positions, headDim, rotation });
  const at = (angles: string): string => {
    const rows = recorder.op("Gather", [angles, inputs.pastLength]);
    return reshape(recorder, rows, [1, 1, length, headDim / 2]);
  };
  return { cos: at(table.cos), sin: at(table.sin) };
}

/** Relative position biases; nothing for other models. */
function relativeBiasOf(step: WindowStep): string | undefined {
  const { recorder, context, inputs, layout } = step;
  const relative = relativeScores(inputs.relativeBias, layout, false);
  return relative && foldedRelativeBias(recorder, context, relative, slotDistances(step));
}

/** Repeats a bias of token rows for every query head that folds into the rows of one KV head. */
function forEachHead({ recorder, layout, length }: WindowStep, bias: string): string {
  const group = length === 1 ? 1 : layout.heads / layout.kvHeads;
  if (group === 1) return bias;
  const copies = Array.from({ length: group }, () => bias);
  return concat(recorder, copies, 2);
}

/** Masks positions outside a layer's shorter window. */
function inLayerWindow(step: WindowStep, scores: string): string {
  const { recorder, context, inputs, layout, length } = step;
  const { window, capacity } = layout;
  if (window === undefined || window >= capacity) return scores;
  const bias = context.sequence.once(`window ${window}`, () => {
    const { builder } = recorder;
    // A table of all distances, because one profile (coreml) cannot compare integers.
    const masks = Array.from({ length: 2 * capacity + 1 }, (_, at) =>
      at - capacity > -window ? 0 : STATIC_MASKED / 2,
    );
    const table = builder.constant("float32", [masks.length], masks);
    const places = builder.op("Add", [slotDistances(step), int32(recorder, capacity)]);
    const rows = builder.op("Gather", [table, places]);
    return forEachHead(step, reshape(recorder, rows, [1, 1, length, inputs.pastKey.shape[3]! + length]));
  });
  return addBias(recorder, bias)(scores);
}

/** Positions of the slots and tokens minus the positions of the tokens: int32 `[length, slots + length]`. */
function slotDistances({ recorder, context, inputs, length }: WindowStep): string {
  return context.sequence.once("distances", () => {
    const { builder } = recorder;
    const slots = Array.from({ length: inputs.pastKey.shape[3]! }, (_, slot) => slot);
    const own = recorder.nameOf(inputs.pastLength);
    const columns = concat(recorder, [builder.constant("int32", [slots.length], slots), own], 0);
    return builder.op("Sub", [columns, reshape(recorder, own, [length, 1])]);
  });
}
