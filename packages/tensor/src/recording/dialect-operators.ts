/**
 * Operators that some providers lack or limit: one node if the recorder's dialect has the operator, otherwise nodes with the same result. Each
 * function returns the name of its output.
 */
import { int } from "@slm/onnx";
import type { Tensor } from "./tf.js";
import type { Recorder, TensorInfo } from "./recorder.js";

interface OneHotOptions {
  readonly rank: number;
  readonly classes: number;
  readonly off?: number;
  readonly on?: number;
}

/** Splits along an axis. @param sizes sizes of the parts along the axis */
export function split(
  recorder: Recorder,
  x: string,
  axis: number,
  sizes: readonly number[],
): readonly string[] {
  const groups = inGroups(sizes, recorder.dialect.maxParts);
  const parts = recorder.builder.node(
    "Split",
    [x, recorder.builder.ints(groups.map((group) => group.reduce((sum, size) => sum + size, 0)))],
    { attributes: { axis: int(axis) }, outputs: groups.length },
  );
  return groups.flatMap((group, at) =>
    group.length === 1 ? parts[at]! : split(recorder, parts[at]!, axis, group),
  );
}

/** Joins parts along an axis. */
export function concat(recorder: Recorder, parts: readonly string[], axis: number): string {
  const groups = inGroups(parts, recorder.dialect.maxParts);
  const joined = groups.map((group) => (group.length === 1 ? group[0]! : concat(recorder, group, axis)));
  return recorder.op("Concat", joined, { attributes: { axis: int(axis) } });
}

/** The indices from TopK in the last axis of `x`, as int32 if the dialect can convert them; otherwise use them only as indices. */
export function placesOf(recorder: Recorder, x: TensorInfo, found: string, count: number): string {
  if (recorder.dialect.castsInt64) return recorder.op("Cast", [found], { attributes: { to: int(6) } });
  if (count > 1) return found;
  const { builder } = recorder;
  const axes = builder.ints([-1]);
  const size = x.shape.at(-1)!;
  const isLargest = recorder.op("Equal", [x, recorder.op("ReduceMax", [x, axes])]);
  const all = builder.constant("int32", [size], [...Array(size).keys()]);
  const place = recorder.op("Where", [isLargest, all, builder.constant("int32", [], [size])]);
  return recorder.op("ReduceMin", [place, axes]);
}

/** log softmax over an axis. Products with it, as in losses, stay in float32. */
export const logSoftmax = (recorder: Recorder, x: Tensor | TensorInfo, axis: number): string =>
  recorder.keepExact(logSoftmaxNodes(recorder, x, axis));

function logSoftmaxNodes(recorder: Recorder, x: Tensor | TensorInfo, axis: number): string {
  if (recorder.dialect.logSoftmax) return recorder.op("LogSoftmax", [x], { attributes: { axis: int(axis) } });
  const axes = recorder.builder.ints([axis]);
  const below = recorder.op("Sub", [x, recorder.op("ReduceMax", [x, axes])]);
  return recorder.op("Sub", [
    below,
    recorder.op("Log", [recorder.op("ReduceSum", [recorder.op("Exp", [below]), axes])]),
  ]);
}

/** -1, 0 or 1. @param x float32 */
export function sign(recorder: Recorder, x: Tensor | TensorInfo): string {
  if (recorder.dialect.sign) return recorder.op("Sign", [x]);
  const zero = recorder.builder.constant("float32", [], [0]);
  const isSo = (comparison: string): string =>
    recorder.op("Cast", [recorder.op(comparison, [x, zero])], { attributes: { to: int(1) } });
  return recorder.op("Sub", [isSo("Greater"), isSo("Less")]);
}

/**
 * `on` at the class of each id and `off` elsewhere, float32.
 *
 * Shapes: ids int32 `[rows...]`, with `rank` axes -> `[rows..., classes]`.
 */
export function oneHot(
  recorder: Recorder,
  ids: TensorInfo | string,
  { rank, classes, off = 0, on = 1 }: OneHotOptions,
): string {
  const { builder } = recorder;
  if (recorder.dialect.oneHot) {
    const values = builder.constant("float32", [2], [off, on]);
    return recorder.op("OneHot", [ids, builder.constant("int32", [], [classes]), values], {
      attributes: { axis: int(-1) },
    });
  }
  const all = builder.constant("int32", [classes], [...Array(classes).keys()]);
  const column = recorder.op("Unsqueeze", [ids, builder.ints([rank])]);
  const isClass = recorder.op("Equal", [column, all]);
  return recorder.op("Where", [
    isClass,
    builder.constant("float32", [], [on]),
    builder.constant("float32", [], [off]),
  ]);
}

/** At most `limit` groups of adjacent elements, of nearly equal size; single elements if there are at most `limit`. */
function inGroups<Element>(all: readonly Element[], limit: number): readonly (readonly Element[])[] {
  const size = Math.ceil(all.length / Math.min(limit, all.length));
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
    all.slice(at * size, (at + 1) * size),
  );
}
