/**
 * Self-attention of new positions over a cache that the graph does not change. presentKey and presentValue are only the new positions, as
 * rows `[batch, target, kvHeads·headDim]`, which the host appends.
 *
 * ```
 * queries · keys of the cache ᵀ ─┐                             ┌─► · values of the cache ─┐
 *                                ├─► Concat ─► mask ─► softmax ─┤                          ├─► sum
 * queries · new keys ᵀ ──────────┘                             └─► · new values ──────────┘
 * ```
 *
 * Cache and new positions are not joined. GroupQueryAttention copies both into its own memory at every step, which is slower than this from
 * about 100 positions on, and faster below (docs/log.md, 2026-11-26).
 */
import { ROW_POSITIONS } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { int, ints, subgraph } from "@slm/onnx";
import {
  rotationOf,
  type CachedAttentionAttributes,
  type Lowering,
  type OpSet,
  type Recorder,
  type Tensor,
} from "@slm/tensor";
import { checkHeadOrder, type LoweringContext } from "./context.js";
import { cast, concat, countUp, inFloat32, int32, reshape, shapeOf, sizeOf } from "./emit.js";
import { attendJoined, isFusable, type CachedStep } from "./group-query-attention.js";
import {
  forEveryGroup,
  groupedHeads,
  headsTogether,
  productOfRows,
  scoreScale,
  softmax,
} from "./grouped-heads.js";
import { attendedOnly } from "./padding.js";
import { capped, type MergedNames } from "./decomposed-attention.js";
import { biasOfDistances, relativeScores } from "./relative-scores.js";
import { rotateFused } from "./rotation.js";

type Inputs = OpSet["cachedAttention"]["inputs"];

/** Cached attention for hosts that append new positions. */
export function deltaCache(context: LoweringContext): Lowering<"cachedAttention"> {
  return (recorder, inputs, layout) => {
    checkHeadOrder(layout);
    if (layout.caches !== "delta")
      throw new SlmError("UNEXPECTED", "export: this attention lowering returns only new positions");
    const { query, key, value } = inputs;
    const step = turnedStep(recorder, context, inputs, layout);
    const output = attend(recorder, context, { inputs, step }, layout);
    const rows = (x: Tensor): readonly number[] => [query.shape[0], query.shape[1]!, x.shape[2]!];
    return {
      output: recorder.tensor(output, query.shape),
      presentKey: recorder.tensor(step.key, rows(key)),
      presentValue: recorder.tensor(step.value, rows(value)),
    };
  };
}

/** Caches up to this capacity are joined with the new positions, by one operator [tokens]. */
const JOINED_CAPACITY = 128;

function attend(
  recorder: Recorder,
  context: LoweringContext,
  { inputs, step }: { readonly inputs: Inputs; readonly step: CachedStep },
  layout: CachedAttentionAttributes,
): string {
  if (inputs.sourceKey !== undefined) return attendMerged(recorder, context, { inputs, step }, layout);
  const isJoinable = isFusable(layout) && step.relativeBias === undefined;
  if (layout.capacity <= JOINED_CAPACITY && (isJoinable || context.runsAreLong))
    return attendJoined(recorder, context, step, layout);
  if (context.runsAreLong) return stepOrRun(recorder, context, step, layout);
  const offsets = countUp(recorder, sizeOf(recorder, context.sequence.tokens, 1));
  const { allowed, distances } = allowedKeys(recorder, context, step, { layout, offsets });
  const added = relativeBias(recorder, context, step, { layout, distances });
  return attendApart(recorder, context, step, { layout, allowed, added });
}

/** Over the cache, the new positions and the source. The source's keys are already scaled (`scaledTransposedKeys`), like the queries. */
function attendMerged(
  recorder: Recorder,
  context: LoweringContext,
  { inputs, step }: { readonly inputs: Inputs; readonly step: CachedStep },
  layout: CachedAttentionAttributes,
): string {
  const { builder } = recorder;
  const { sourceKey, sourceValue, sourceBias } = inputs;
  const of = (x: Tensor): string => forEveryGroup(recorder, recorder.nameOf(x));
  const unscaled = builder.constant(context.device.precision, [], [1 / scoreScale(layout)]);
  const source = {
    key: builder.op("Mul", [of(sourceKey!), unscaled]),
    value: of(sourceValue!),
    bias: sourceBias && of(sourceBias),
  };
  const offsets = countUp(recorder, sizeOf(recorder, context.sequence.tokens, 1));
  const { allowed } = allowedKeys(recorder, context, step, { layout, offsets });
  return attendApart(recorder, context, step, { layout, allowed, source });
}

function turnedStep(
  recorder: Recorder,
  context: LoweringContext,
  inputs: Inputs,
  layout: CachedAttentionAttributes,
): CachedStep {
  const { positions, weights } = context;
  const { heads, kvHeads, headDim } = layout;
  const name = (x: Tensor): string => recorder.nameOf(x);
  const pastLength = name(inputs.pastLength);
  const offset = cast(recorder, pastLength, "int64");
  const rotation = rotationOf(layout);
  const turn = (x: Tensor, count: number, scale: number): string => {
    if (rotation === undefined) return scaled(recorder, context, name(x), scale);
    const table = weights.rotary(recorder, { positions, rotation, headDim, scale });
    return rotateFused(recorder, { x: name(x), table, offset, heads: count, headDim });
  };
  return {
    // Keys first, because they use the table without a factor, which other nodes read too.
    key: turn(inputs.key, kvHeads, 1),
    query: turn(inputs.query, heads, scoreScale(layout)),
    value: name(inputs.value),
    pastKey: name(inputs.pastKey),
    pastValue: name(inputs.pastValue),
    pastLength,
    relativeBias: inputs.relativeBias,
  };
}

const scaled = (recorder: Recorder, { device }: LoweringContext, x: string, scale: number): string =>
  scale === 1 ? x : recorder.builder.op("Mul", [x, recorder.builder.constant(device.precision, [], [scale])]);

/** One new position uses products. A run over many uses the joining operator, because its scores would fill memory. */
function stepOrRun(
  recorder: Recorder,
  context: LoweringContext,
  step: CachedStep,
  layout: CachedAttentionAttributes,
): string {
  const { builder } = recorder;
  const { allowed } = allowedKeys(recorder, context, step, { layout });
  const isStep = builder.op("Equal", [shapeOf(recorder, context.sequence.tokens, 1), builder.ints([1])]);
  const branches = {
    then_branch: subgraph(
      builder.branch(ROW_POSITIONS.stepBranch, () =>
        attendApart(recorder, context, step, { layout, allowed }),
      ),
    ),
    else_branch: subgraph(builder.branch("run", () => attendJoined(recorder, context, step, layout))),
  };
  return builder.op("If", [isStep], { attributes: branches });
}

/**
 * Size of the caches, int64 `[1]`. It is read from the first layer's cache, because all caches of a graph have the same size: then the
 * optimizer computes the mask once instead of in every layer.
 */
const capacityOf = (recorder: Recorder, { sequence }: LoweringContext, { pastKey }: CachedStep): string =>
  sequence.once("capacity", () => shapeOf(recorder, pastKey, 2));

/** A position that no query reaches, for unused slots of a cache. */
const NEVER = 2 ** 31 - 1;

/**
 * Whether a query attends a key, which must not be later or outside the window: bool `[rows, 1, 1, target, capacity + target]`. `rows` is
 * 1, or the batch if each row has its own past length (`perRowDecoder` of `@slm/serve`).
 *
 * @param offsets of the new positions from the first one: int32 `[target]`. Absent: there is one new position.
 */
function allowedKeys(
  recorder: Recorder,
  context: LoweringContext,
  step: CachedStep,
  { layout: { window }, offsets }: { readonly layout: CachedAttentionAttributes; readonly offsets?: string },
): { readonly allowed: string; readonly distances: () => string } {
  const { builder } = recorder;
  const first = reshape(recorder, step.pastLength, ROW_POSITIONS.shape);
  const behind = (by: string | undefined): string =>
    by === undefined ? first : builder.op("Add", [first, by]);
  const slots = countUp(recorder, cast(recorder, capacityOf(recorder, context, step), "int32"));
  const isFilled = builder.op("Less", [slots, first]);
  const old = builder.op("Where", [isFilled, slots, int32(recorder, NEVER)]);
  const columns = concat(recorder, [old, behind(offsets)], -1);
  const own = behind(offsets === undefined ? undefined : reshape(recorder, offsets, [-1, 1]));
  const before = builder.op("LessOrEqual", [columns, own]);
  const distances = (): string => builder.op("Sub", [columns, own]);
  if (window === undefined) return { allowed: before, distances };
  const near = builder.op("Greater", [columns, builder.op("Sub", [own, int32(recorder, window)])]);
  return { allowed: builder.op("And", [before, near]), distances };
}

/** Attention as products over the cache, the new positions and, with merged attention, the source. */
function attendApart(
  recorder: Recorder,
  context: LoweringContext,
  step: CachedStep,
  part: {
    readonly layout: CachedAttentionAttributes;
    readonly allowed: string;
    /** Added to scores, float32 `[rows, kvHeads, group, target, capacity + target]`. */
    readonly added?: string | undefined;
    /** Keys `[batch, kvHeads, 1, headDim, source]`, values and bias of the source, with merged attention. */
    readonly source?: MergedNames | undefined;
  },
): string {
  const { layout, allowed, added, source } = part;
  const { query, key, value, pastKey, pastValue } = step;
  const { builder } = recorder;
  const { precision } = context.device;
  const shared = { ...layout, heads: layout.kvHeads };
  const queries = groupedHeads(recorder, query, layout);
  const [keys, values] = [key, value].map((rows) => groupedHeads(recorder, rows, shared)) as [string, string];
  const [oldKeys, oldValues] = [pastKey, pastValue].map((x) => forEveryGroup(recorder, x)) as [
    string,
    string,
  ];
  const scores = [oldKeys, keys].map((rows) => productOfRows(recorder, queries, rows));
  const all = inFloat32(recorder, concat(recorder, scores, -1), precision, (wide) => {
    const seen = attendedOnly(recorder, allowed, biased(capped(recorder, wide, layout.softcap)));
    return softmax(recorder, source === undefined ? seen : concat(recorder, [seen, ofSource(source)], -1));
  });
  const lengths = [capacityOf(recorder, context, step), shapeOf(recorder, context.sequence.tokens, 1)];
  if (source !== undefined) lengths.push(shapeOf(recorder, source.key, 4));
  const weights = builder.node("Split", [all, concat(recorder, lengths, 0)], {
    attributes: { axis: int(-1) },
    outputs: lengths.length,
  });
  const read = [oldValues, values, ...(source === undefined ? [] : [source.value])]
    .map((rows, at) => builder.op("MatMul", [weights[at]!, rows]))
    .reduce((sum, more) => builder.op("Add", [sum, more]));
  return headsTogether(recorder, read, layout);

  /** Scores of the source, float32. */
  function ofSource({ key: keys, bias }: MergedNames): string {
    const products = builder.op("MatMul", [queries, keys]);
    const wide = precision === "float32" ? products : cast(recorder, products, "float32");
    const scored = capped(recorder, wide, layout.softcap);
    return bias === undefined ? scored : builder.op("Add", [scored, bias]);
  }

  function biased(scores: string): string {
    return added === undefined ? scores : builder.op("Add", [scores, added]);
  }
}

/** Relative position biases, `[rows, kvHeads, group, target, capacity + target]`; nothing for attention without them. */
function relativeBias(
  recorder: Recorder,
  context: LoweringContext,
  step: CachedStep,
  { layout, distances }: { readonly layout: CachedAttentionAttributes; readonly distances: () => string },
): string | undefined {
  const relative = relativeScores(step.relativeBias, layout, false);
  if (relative === undefined) return undefined;
  const { builder } = recorder;
  return context.sequence.once(`relative scores ${recorder.nameOf(relative.table)}`, () => {
    const rows = biasOfDistances(recorder, context, relative, distances());
    const byHead = builder.op("Transpose", [rows], { attributes: { perm: ints([0, 5, 6, 1, 2, 3, 4]) } });
    return builder.op("Squeeze", [byHead, builder.ints([3, 4])]);
  });
}
