/**
 * Pooling: means of neighbouring tokens, and the padding mask of the result.
 *
 * ```
 * x · (1 at tokens, 0 at padding) ─ every group-th from 0 ─┐
 *                                 ─ every group-th from 1 ─┴ Add ─ Mul 1 / group ─► tokens
 * ```
 */
import { SlmError } from "@slm/core";
import type { EncoderDecoderConfig } from "@slm/model";
import type { Lowering, OpSet, Recorder, Tensor } from "@slm/tensor";
import type { LoweringContext } from "./context.js";
import { cast, countUp, everyNth, inPrecision, int32, reshape, sizeOf, sliceAxis } from "./emit.js";
import { tokensOfBias } from "./padding.js";

/** Sequences of any length: values `[batch, length, width]`. */
export function stridedMeans(context: LoweringContext): Lowering<"poolTokens"> {
  return (recorder, { x, lengths, mask }, { group }) => {
    const [batch, length, width] = x.shape as [number, number, number];
    const places = Math.ceil(length / group);
    const kept = tokensOnly(recorder, context, { x, lengths, mask });
    const tokens = meanOf(recorder, context, everyOf(recorder, kept, group, [0, 0, 0]));
    context.sequence.replace(tokens);
    return {
      tokens: recorder.tensor(tokens, [batch, places, width]),
      ...(lengths === undefined
        ? {}
        : { lengths: recorder.tensor(groupsOf(recorder, lengths, group), lengths.shape, "int32") }),
      ...(mask === undefined
        ? {}
        : { mask: recorder.tensor(anyOf(recorder, recorder.nameOf(mask), group), [batch, places]) }),
    };
  };
}

/** Static graphs: rows `[length, width]`. The graph's bias masks padding, and later ops use its pooled form. */
export function groupedRows(context: LoweringContext): Lowering<"poolTokens"> {
  return (recorder, { x, mask }, { group }) => {
    const { builder } = recorder;
    const { sequence, device } = context;
    const [batch, length, width] = x.shape as [number, number, number];
    const { sourceBias } = sequence;
    if (sourceBias === undefined || mask === undefined)
      throw new SlmError("UNEXPECTED", "export: a static graph needs its bias as an input");
    if (length % group !== 0) throw indivisible(length, group);
    const isToken = reshape(recorder, tokensOfBias(recorder, sourceBias), [length, 1]);
    const column = inPrecision(recorder, isToken, device.precision);
    const kept = builder.op("Mul", [recorder.nameOf(x), column], { name: "tokensOnly" });
    const rows = reshape(recorder, kept, [length / group, group * width]);
    const parts = Array.from({ length: group }, (_, at) =>
      sliceAxis(recorder, rows, [1, at * width, (at + 1) * width]),
    );
    const tokens = meanOf(recorder, context, parts);
    const bias = pooledBias(recorder, sourceBias, group);
    sequence.replace(tokens, bias);
    const places = length / group;
    return {
      tokens: recorder.tensor(tokens, [batch, places, width]),
      mask: recorder.tensor(bias, [batch, places]),
    };
  };
}

/** The source mask, float32 `[batch, source]`, pooled like the encoder's output. */
export function pooledMask(
  recorder: Pick<Recorder, "builder">,
  mask: string,
  { encoderPooling }: Pick<EncoderDecoderConfig, "encoderPooling">,
): string {
  const { afterLayers = [], group = 1 } = encoderPooling ?? {};
  return afterLayers.reduce((pooled) => anyOf(recorder, pooled, group), mask);
}

/** 1 where a group has a token. */
const anyOf = (recorder: Pick<Recorder, "builder">, mask: string, group: number): string =>
  everyOf(recorder, mask, group, [0, 0]).reduce((a, b) => recorder.builder.op("Max", [a, b]));

/**
 * Pools the attention bias, `[1, 1, 1, source]` -> `[1, 1, 1, ceil(source / group)]`. Padding is at the end, so a group contains a token if
 * its first member is one.
 */
export const pooledBias = ({ builder }: Pick<Recorder, "builder">, bias: string, group: number): string =>
  everyNth({ builder }, bias, { axis: 3, step: group });

/** @throws SlmError OP_UNSUPPORTED if the graph's length is not a multiple of the group. */
export const indivisible = (length: number, group: number): SlmError =>
  new SlmError(
    "OP_UNSUPPORTED",
    `export: the encoder pools groups of ${group} tokens, so source lengths must be multiples of ${group}, got ${length}`,
    { suggestions: [`--buckets ${Math.max(1, Math.floor(length / group)) * group}`] },
  );

/** x with zeros at padding. */
function tokensOnly(
  recorder: Recorder,
  { sequence, device }: LoweringContext,
  { x, lengths, mask }: OpSet["poolTokens"]["inputs"],
): string {
  const { builder } = recorder;
  const name = recorder.nameOf(x);
  if (mask !== undefined) {
    const column = builder.op("Unsqueeze", [recorder.nameOf(mask), builder.ints([2])]);
    return builder.op("Mul", [name, inPrecision(recorder, column, device.precision)]);
  }
  if (lengths === undefined) return name;
  const places = reshape(recorder, countUp(recorder, sizeOf(recorder, sequence.tokens, 1)), [-1, 1]);
  const isToken = builder.op("Less", [places, reshape(recorder, recorder.nameOf(lengths), [-1, 1, 1])]);
  return builder.op("Mul", [name, cast(recorder, isToken, device.precision)]);
}

/**
 * Splits axis 1 into the first members of the groups, the second members, and so on. Missing members of the last group are zeros.
 *
 * @param none zeros, one for each axis of `value`
 */
function everyOf(
  { builder }: Pick<Recorder, "builder">,
  value: string,
  group: number,
  none: readonly number[],
): readonly string[] {
  return Array.from({ length: group }, (_, at) => {
    const missing = none.map((_zero, axis) => (axis === 1 ? at : 0));
    const padded = at === 0 ? value : builder.op("Pad", [value, builder.ints([...none, ...missing])]);
    return everyNth({ builder }, padded, { axis: 1, from: at, step: group });
  });
}

function meanOf(recorder: Recorder, { device }: LoweringContext, parts: readonly string[]): string {
  const { builder } = recorder;
  const sum = parts.reduce((a, b) => builder.op("Add", [a, b]));
  return builder.op("Mul", [sum, builder.constant(device.precision, [], [1 / parts.length])], {
    name: "pooled",
  });
}

/** Number of groups that contain tokens, per row: int32 `[batch]`. */
function groupsOf(recorder: Recorder, lengths: Tensor, group: number): string {
  const { builder } = recorder;
  const upTo = builder.op("Add", [recorder.nameOf(lengths), int32(recorder, group - 1)]);
  return builder.op("Div", [upTo, int32(recorder, group)]);
}
