/**
 * Relative position biases of attention scores (T5), with standard operators:
 *
 * ```
 * table [buckets, heads] ── Gather(bucket of each distance) ──► rows [distances, kvHeads, group]     (constants: folded)
 * positions of keys - positions of queries ── Min, Max ──► distances ── Gather(rows) ──► [..., kvHeads, group]
 * ```
 */
import { SlmError } from "@slm/core";
import { ints } from "@slm/onnx";
import {
  relativeBucket,
  type HeadLayout,
  type PositionAttributes,
  type Recorder,
  type Tensor,
} from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { cast, concat, int32, reshape, shapeOf } from "./emit.js";

/** A relative bias and its parameters. */
interface RelativeScores {
  /** `[buckets, heads]` */
  readonly table: Tensor;
  readonly layout: HeadLayout & PositionAttributes;
  /** Whether keys after the query are attended. */
  readonly isBidirectional: boolean;
}

/** The inputs of an op's relative bias; undefined if it has none. */
export const relativeScores = (
  table: Tensor | undefined,
  layout: HeadLayout & PositionAttributes,
  isBidirectional: boolean,
): RelativeScores | undefined => (table === undefined ? undefined : { table, layout, isBidirectional });

/**
 * Emits the biases of distances (key minus query, int32 of any shape): float32 `[...shape, kvHeads, group]`. Distances beyond the last
 * bucket use the last one.
 */
export function biasOfDistances(
  recorder: Recorder,
  context: LoweringContext,
  { table, layout, isBidirectional }: RelativeScores,
  distances: string,
): string {
  const { builder } = recorder;
  const { relative, heads, kvHeads } = layout;
  if (relative === undefined) throw new SlmError("UNEXPECTED", "export: a relative bias needs its buckets");
  // Tables of static graphs contain every distance, because one profile (coreml) cannot compare integers.
  const isWhole = context.device.shapes === "static";
  const reach = isWhole ? context.positions : relative.maxDistance;
  const after = isBidirectional || isWhole ? reach : 0;
  const rows = context.sequence.once(`relative ${recorder.nameOf(table)}`, () => {
    const buckets = Array.from({ length: reach + after + 1 }, (_, at) =>
      relativeBucket(at - reach, relative, isBidirectional),
    );
    const stored = context.weights.store(recorder, table, "as-stored").name;
    const chosen = builder.op("Gather", [stored, builder.constant("int32", [buckets.length], buckets)]);
    const wide = context.device.precision === "float32" ? chosen : cast(recorder, chosen, "float32");
    return reshape(recorder, wide, [buckets.length, kvHeads, heads / kvHeads]);
  });
  const near = isWhole
    ? distances
    : builder.op("Min", [builder.op("Max", [distances, int32(recorder, -reach)]), int32(recorder, after)]);
  return builder.op("Gather", [rows, builder.op("Add", [near, int32(recorder, reach)])]);
}

/**
 * The bias of scores `[batch, kvHeads, group·length, keys]`: float32 `[kvHeads, group·length, keys]`.
 *
 * @param distances int32 `[length, keys]`
 */
export function foldedRelativeBias(
  recorder: Recorder,
  context: LoweringContext,
  relative: RelativeScores,
  distances: string,
): string {
  const { builder } = recorder;
  const { heads, kvHeads } = relative.layout;
  const rows = biasOfDistances(recorder, context, relative, distances);
  const byHead = builder.op("Transpose", [rows], { attributes: { perm: ints([2, 3, 0, 1]) } });
  if (heads === kvHeads) return builder.op("Squeeze", [byHead, builder.ints([1])]);
  if (context.device.shapes === "static")
    throw new SlmError(
      "OP_UNSUPPORTED",
      "export: static graphs support relative biases only with one head per KV head",
    );
  const sizes = concat(recorder, [builder.ints([kvHeads, -1]), shapeOf(recorder, byHead, 3)], 0);
  return builder.op("Reshape", [byHead, sizes]);
}

/** Adds a bias to float32 scores before they are masked. */
export const withRelative =
  (
    { builder }: Recorder,
    bias: string | undefined,
    mask: (scores: string) => string,
  ): ((scores: string) => string) =>
  (scores) =>
    mask(bias === undefined ? scores : builder.op("Add", [scores, bias], { name: "relative" }));
