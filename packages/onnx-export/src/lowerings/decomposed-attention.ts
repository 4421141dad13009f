/**
 * Attention as two products around a softmax, with standard operators only:
 *
 * ```
 * query, folded [batch, kvHeads, rows, headDim] · scale
 *   · key [batch, kvHeads, headDim, keys] -> float32, mask -> softmax -> precision
 *   · value [batch, kvHeads, keys, headDim]
 * ```
 */
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import {
  rotationOf,
  type HeadLayout,
  type Lowering,
  type MergedSource,
  type OptionalRotation,
  type Recorder,
  type Rotation,
  type ScoreAttributes,
  type Tensor,
} from "@slm/tensor";
import type { RotaryNames } from "../weights/graph-weights.js";
import { checkHeadOrder, STATIC_MASKED, type LoweringContext } from "./context.js";
import { cast, concat, countUp, inFloat32, int32, reshape, shapeOf, sizeOf, transposeAxes } from "./emit.js";
import { HeadAxes } from "./head-axes.js";
import { attendedOnly, lengthBias, maskBias, maskedKeys } from "./padding.js";
import { foldedRelativeBias, relativeScores, withRelative } from "./relative-scores.js";
import { rotateFused, rotateHalves } from "./rotation.js";

export interface AttentionParts {
  /** `[batch, heads, length, headDim]`, rotated. */
  readonly query: string;
  /** `[batch, kvHeads, headDim, keys]` */
  readonly key: string;
  /** `[batch, kvHeads, keys, headDim]` */
  readonly value: string;
  /** Masks float32 scores `[batch, kvHeads, group·length, keys]`. */
  readonly mask: (scores: string) => string;
  /** The source, if one softmax covers target and source. */
  readonly source?: MergedNames | undefined;
}

/** Keys `[batch, kvHeads, headDim, source]`, values `[batch, kvHeads, source, headDim]` and a bias of scores, float32. */
export interface MergedNames {
  readonly key: string;
  readonly value: string;
  readonly bias: string | undefined;
}

/** The source of merged attention; undefined in other models. */
export const mergedNames = (
  recorder: Recorder,
  { sourceKey, sourceValue, sourceBias }: MergedSource,
): MergedNames | undefined =>
  sourceKey === undefined || sourceValue === undefined
    ? undefined
    : {
        key: recorder.nameOf(sourceKey),
        value: recorder.nameOf(sourceValue),
        bias: sourceBias && recorder.nameOf(sourceBias),
      };

/** Emits attention and returns its output as rows with the shape of `query`. */
export function attend(
  recorder: Recorder,
  context: LoweringContext,
  parts: AttentionParts,
  {
    query,
    layout,
  }: { readonly query: Tensor; readonly layout: HeadLayout & Pick<ScoreAttributes, "softcap"> },
): Tensor {
  const { builder } = recorder;
  const { precision } = context.device;
  const axes = new HeadAxes(recorder, context);
  const scale = builder.constant(precision, [], [1 / Math.sqrt(layout.headDim)]);
  const scaled = builder.op("Mul", [parts.query, scale], { name: "scale" });
  const folded = axes.fold(scaled, query.shape, layout);
  const { source } = parts;
  const scores = builder.op("MatMul", [folded, parts.key], { name: "scores" });
  const weights = inFloat32(recorder, scores, precision, (wide) => {
    const own = parts.mask(capped(recorder, wide, layout.softcap));
    const all = source === undefined ? own : concat(recorder, [own, sourceScores(source)], -1);
    return builder.op("Softmax", [all], { attributes: { axis: int(-1) } });
  });
  const values = source === undefined ? parts.value : concat(recorder, [parts.value, source.value], 2);
  const output = builder.op("MatMul", [weights, values], { name: "context" });
  return recorder.tensor(axes.merge(output, query, layout), query.shape);

  /** float32 */
  function sourceScores({ key, bias }: MergedNames): string {
    const products = builder.op("MatMul", [folded, key], { name: "sourceScores" });
    const wide = precision === "float32" ? products : cast(recorder, products, "float32");
    const scored = capped(recorder, wide, layout.softcap);
    return bias === undefined ? scored : addBias(recorder, bias)(scored);
  }
}

/** limit · tanh(x / limit) of float32 values; without a limit x itself. */
export function capped({ builder }: Recorder, x: string, limit: number | undefined): string {
  if (limit === undefined) return x;
  const scalar = builder.constant("float32", [], [limit]);
  return builder.op("Mul", [builder.op("Tanh", [builder.op("Div", [x, scalar])]), scalar]);
}

/** Scores plus a float32 bias that broadcasts. */
export const addBias =
  ({ builder }: Recorder, bias: string) =>
  (scores: string): string =>
    builder.op("Add", [scores, bias], { name: "mask" });

/** Bidirectional attention over whole sequences. A mask, lengths or a static graph's bias hides padding. */
export function decomposedSequence(context: LoweringContext): Lowering<"selfAttention"> {
  return (recorder, { query, key, value, lengths, mask, relativeBias }, layout) => {
    checkHeadOrder(layout);
    if (layout.causal) throw causalUnsupported();
    const axes = new HeadAxes(recorder, context);
    const { heads, kvHeads, headDim } = layout;
    const turn = (x: Tensor, count: number): string =>
      turned(recorder, context, { x, heads: count, headDim, rotation: layout });
    const bias = sequenceBias(recorder, context, { lengths, mask });
    const relative = relativeScores(relativeBias, layout, true);
    const parts = {
      query: turn(query, heads),
      key: maskedKeys(recorder, context, transposeAxes(recorder, turn(key, kvHeads), [0, 1, 3, 2])),
      value: axes.split(recorder.nameOf(value), value.shape, kvHeads, headDim),
      mask: withRelative(
        recorder,
        relative && foldedRelativeBias(recorder, context, relative, distances()),
        (scores) => windowed(bias === undefined ? scores : addBias(recorder, bias)(scores)),
      ),
    };
    return attend(recorder, context, parts, { query, layout });

    /** Positions of keys minus positions of queries: int32 `[length, length]`. */
    function distances(): string {
      return context.sequence.once("distances", () => sequenceDistances(recorder, context, query.shape[1]!));
    }

    /** Masks keys that are `window` or more positions before a query, or as many after it (or more than `windowAfter`). */
    function windowed(scores: string): string {
      const { window, windowAfter: after } = layout;
      if (window === undefined || Math.min(window, after ?? window) >= context.positions) return scores;
      const { builder } = recorder;
      if (context.device.shapes === "static") return addBias(recorder, farBias(window, after))(scores);
      const isNear = context.sequence.once(`window ${window} ${after ?? ""}`, () =>
        after === undefined
          ? builder.op("Less", [builder.op("Abs", [distances()]), int32(recorder, window)])
          : builder.op("And", [
              builder.op("Greater", [distances(), int32(recorder, -window)]),
              builder.op("LessOrEqual", [distances(), int32(recorder, after)]),
            ]),
      );
      const rows =
        heads === kvHeads ? isNear : builder.op("Tile", [isNear, builder.ints([heads / kvHeads, 1])]);
      return attendedOnly(recorder, rows, scores);
    }

    /** The same in a static graph, as a bias that float16 and quantized scores can represent. */
    function farBias(window: number, after = window - 1): string {
      const length = query.shape[1]!;
      const bias = context.sequence.once(`window ${window} ${after}`, () => {
        const masks = Array.from({ length: length * length }, (_, at) => {
          const distance = (at % length) - Math.floor(at / length);
          return distance > -window && distance <= after ? 0 : STATIC_MASKED / 2;
        });
        return recorder.builder.constant("float32", [1, 1, length, length], masks);
      });
      if (heads === kvHeads) return bias;
      return recorder.builder.op("Tile", [bias, recorder.builder.ints([1, 1, heads / kvHeads, 1])]);
    }
  };
}

function sequenceDistances(
  recorder: Recorder,
  { device, sequence }: LoweringContext,
  length: number,
): string {
  const { builder } = recorder;
  if (device.shapes === "static") {
    const all = Array.from({ length: length * length }, (_, at) => (at % length) - Math.floor(at / length));
    return builder.constant("int32", [length, length], all);
  }
  const places = countUp(recorder, sizeOf(recorder, sequence.tokens, 1));
  return builder.op("Sub", [places, reshape(recorder, places, [-1, 1])]);
}

function causalUnsupported(): SlmError {
  return new SlmError(
    "OP_UNSUPPORTED",
    "export: causal attention over whole sequences is not supported, only with a cache",
  );
}

export interface TurnedPart {
  readonly x: Tensor;
  readonly heads: number;
  readonly headDim: number;
  readonly rotation: OptionalRotation;
  /** Position of the first row, int64 `[1]`; absent: 0. */
  readonly offset?: string;
}

/** Rotates rows by their positions, if the model uses RoPE, and returns heads `[batch, heads, length, headDim]`. */
export function turned(recorder: Recorder, context: LoweringContext, part: TurnedPart): string {
  const { device, weights, positions } = context;
  const { x, heads, headDim, offset } = part;
  const axes = new HeadAxes(recorder, context);
  const rows = recorder.nameOf(x);
  const rotation = rotationOf(part.rotation);
  if (rotation === undefined) return axes.split(rows, x.shape, heads, headDim);
  if (device.rotary === "RotaryEmbedding") {
    const table = weights.rotary(recorder, { positions, headDim, rotation });
    const first = offset ?? recorder.builder.ints([0]);
    return axes.split(
      rotateFused(recorder, { x: rows, table, offset: first, heads, headDim }),
      x.shape,
      heads,
      headDim,
    );
  }
  const split = axes.split(rows, x.shape, heads, headDim);
  return rotateHalves(recorder, split, anglesOf(recorder, context, { ...part, rotation }), headDim);
}

/** cos and sin of the rows' positions, broadcastable to `[batch, heads, length, headDim / 2]`. */
function anglesOf(
  recorder: Recorder,
  context: LoweringContext,
  part: TurnedPart & { readonly rotation: Rotation },
): RotaryNames {
  const { device, weights, positions, sequence } = context;
  const { x, headDim, rotation } = part;
  if (device.shapes === "static") {
    return weights.rotary(recorder, { positions: x.shape[1]!, headDim, rotation, leadingAxes: 2 });
  }
  const { builder } = recorder;
  const table = weights.rotary(recorder, { positions, headDim, rotation });
  const from = part.offset ?? builder.ints([0]);
  const to = builder.op("Add", [from, shapeOf(recorder, sequence.tokens, 1)]);
  const rows = (angles: string): string => builder.op("Slice", [angles, from, to, builder.ints([0])]);
  return { cos: rows(table.cos), sin: rows(table.sin) };
}

/** The padding mask: float32 `[batch, 1, 1, keys]`, or nothing if every position is a token. */
function sequenceBias(
  recorder: Recorder,
  { sequence }: LoweringContext,
  { lengths, mask }: { readonly lengths: Tensor | undefined; readonly mask: Tensor | undefined },
): string | undefined {
  if (sequence.sourceBias !== undefined) return sequence.sourceBias;
  if (mask !== undefined) return maskBias(recorder, recorder.nameOf(mask));
  return lengths === undefined ? undefined : lengthBias(recorder, recorder.nameOf(lengths), sequence.tokens);
}
