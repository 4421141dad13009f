/**
 * Sum of rows by segment id: the gradient of an embedding lookup.
 *
 * `ScatterND(reduction: add)` races between threads when an id repeats (onnxruntime#18048), and `ScatterElements` is
 * single-threaded and slow, so neither is used. Two exact forms instead, chosen by the number of segments and the provider:
 *
 *   few segments   oneHot[ids]^T · rows, one matrix product
 *   many segments  rows sorted by id, cut into blocks of BLOCK rows; a BLOCK x BLOCK one-hot product sums equal ids
 *                  inside each block; ids that run on into later blocks are added to the block they started in by a
 *                  blocks x blocks product; the sums now have unique ids and are scattered without reduction.
 */
import { int } from "@slm/onnx";
import { oneHot } from "./dialect-operators.js";
import { type Recorder, type TensorInfo } from "./recorder.js";

/** Rows per block: the extra work is 2·BLOCK FLOPs per element, the correction product shrinks with its square. */
const BLOCK = 64;

/**
 * Emits the nodes of `out[s] = sum over n with ids[n] = s of x[n]`.
 *
 * Shapes: x `[rows..., width]`, ids int32 `[rows...]` -> `[segments, width]`.
 */
export function segmentSum(recorder: Recorder, x: TensorInfo, ids: TensorInfo, segments: number): TensorInfo {
  const rows = ids.shape.reduce((product, size) => product * size, 1);
  const width = x.shape.slice(ids.shape.length).reduce((product, size) => product * size, 1);
  const { builder } = recorder;
  const flatX = builder.op("Reshape", [recorder.nameOf(x), builder.ints([rows, width])]);
  const flatIds = builder.op("Reshape", [recorder.nameOf(ids), builder.ints([rows])]);
  const summed =
    segments <= recorder.dialect.denseSegments
      ? denseSum(recorder, flatX, flatIds, segments)
      : sortedSum(recorder, flatX, flatIds, { rows, width, segments });
  const shape = [segments, ...x.shape.slice(ids.shape.length)];
  return recorder.info(builder.op("Reshape", [summed, builder.ints(shape)]), shape, x.dtype);
}

function denseSum(recorder: Recorder, x: string, ids: string, segments: number): string {
  return recorder.op("Gemm", [oneHot(recorder, ids, { rank: 1, classes: segments }), x], {
    attributes: { transA: int(1) },
  });
}

function sortedSum(
  { builder }: Recorder,
  x: string,
  ids: string,
  size: { rows: number; width: number; segments: number },
): string {
  const { width, segments } = size;
  const blocks = Math.ceil(size.rows / BLOCK);
  const padded = blocks * BLOCK;
  const float = (value: string): string => builder.op("Cast", [value], { attributes: { to: int(1) } });
  const reshape = (value: string, shape: readonly number[]): string =>
    builder.op("Reshape", [value, builder.ints(shape)]);
  const transpose = (value: string): string => builder.op("Transpose", [value]);

  // Pad with the id `segments`, which sorts last and is dropped at the end, then sort ids ascending.
  const extra = padded - size.rows;
  const allIds =
    extra === 0
      ? ids
      : builder.op(
          "Concat",
          [ids, builder.constant("int32", [extra], new Array<number>(extra).fill(segments))],
          { attributes: { axis: int(0) } },
        );
  const allX = extra === 0 ? x : builder.op("Pad", [x, builder.ints([0, 0, extra, 0])]);
  const [sortedIds, order] = builder.node("TopK", [allIds, builder.ints([padded])], {
    attributes: { axis: int(0), largest: int(0), sorted: int(1) },
    outputs: 2,
  }) as [string, string];
  const sortedX = reshape(builder.op("Gather", [allX, order], { attributes: { axis: int(0) } }), [
    blocks,
    BLOCK,
    width,
  ]);
  const blockIds = reshape(sortedIds, [blocks, BLOCK]);

  // slot[b, i]: how many distinct ids came before row i in its block.
  const head = builder.op("Slice", [
    blockIds,
    builder.ints([0]),
    builder.ints([BLOCK - 1]),
    builder.ints([1]),
  ]);
  const tail = builder.op("Slice", [blockIds, builder.ints([1]), builder.ints([BLOCK]), builder.ints([1])]);
  const starts = builder.op("Cast", [builder.op("Not", [builder.op("Equal", [head, tail])])], {
    attributes: { to: int(6) },
  });
  const zero = builder.constant("int32", [blocks, 1], new Array<number>(blocks).fill(0));
  const slot = builder.op("CumSum", [
    builder.op("Concat", [zero, starts], { attributes: { axis: int(1) } }),
    builder.ints([1], []),
  ]);

  // sums[b, s] = sum of the rows of block b in slot s; slotId[b, s] = their id, -1 for an empty slot.
  const slots = builder.constant("int32", [1, BLOCK, 1], [...Array(BLOCK).keys()]);
  const member = builder.op("Equal", [slots, reshape(slot, [blocks, 1, BLOCK])]);
  const sums = builder.op("MatMul", [float(member), sortedX]);
  const none = builder.constant("int32", [], [-1]);
  const slotId = builder.op(
    "ReduceMax",
    [builder.op("Where", [member, reshape(blockIds, [blocks, 1, BLOCK]), none]), builder.ints([2])],
    { attributes: { keepdims: int(0) } },
  );

  // A block continues the id of the block before it when that block's last id is its first.
  const first = builder.op("Slice", [blockIds, builder.ints([0]), builder.ints([1]), builder.ints([1])]);
  const last = builder.op("Slice", [
    blockIds,
    builder.ints([BLOCK - 1]),
    builder.ints([BLOCK]),
    builder.ints([1]),
  ]);
  const before = builder.op(
    "Concat",
    [
      builder.constant("int32", [1, 1], [-1]),
      builder.op("Slice", [last, builder.ints([0]), builder.ints([blocks - 1]), builder.ints([0])]),
    ],
    { attributes: { axis: int(0) } },
  );
  const continues = builder.op("Equal", [first, before]);
  // The owner of a continued id is the block where it started and which it fills to the end.
  const startsHere = builder.op("Not", [builder.op("And", [continues, builder.op("Equal", [first, last])])]);
  const owner = builder.op("And", [
    builder.op("And", [builder.op("Equal", [last, transpose(first)]), transpose(continues)]),
    startsHere,
  ]);
  const slotZero = reshape(
    builder.op("Slice", [sums, builder.ints([0]), builder.ints([1]), builder.ints([1])]),
    [blocks, width],
  );
  const carried = reshape(builder.op("MatMul", [float(owner), slotZero]), [blocks, 1, width]);
  const isLast = builder.op("Equal", [slotId, last]);
  const total = builder.op("Add", [
    sums,
    builder.op("Mul", [reshape(float(isLast), [blocks, BLOCK, 1]), carried]),
  ]);

  // Empty slots and continued first slots go to the extra row `segments`, which is cut off.
  const spare = builder.constant("int32", [], [segments]);
  const isFirstSlot = builder.constant("bool", [1, BLOCK], [1, ...new Array<number>(BLOCK - 1).fill(0)]);
  const empty = builder.op("Less", [slotId, builder.constant("int32", [], [0])]);
  const dropped = builder.op("Or", [empty, builder.op("And", [continues, isFirstSlot])]);
  const target = builder.op("Cast", [builder.op("Where", [dropped, spare, slotId])], {
    attributes: { to: int(7) },
  });
  const table = builder.op("Expand", [
    builder.constant("float32", [1], [0]),
    builder.ints([segments + 1, width]),
  ]);
  const scattered = builder.op("ScatterND", [
    table,
    reshape(target, [padded, 1]),
    reshape(total, [padded, width]),
  ]);
  return builder.op("Slice", [scattered, builder.ints([0]), builder.ints([segments]), builder.ints([0])]);
}
