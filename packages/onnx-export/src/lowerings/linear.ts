/**
 * Embedding, linear layers and the output head, which can share its table with the embedding.
 *
 * Logits are float32 at every precision. In float16 the head's input is divided by 32 and its result multiplied by 32, both without
 * rounding. This supports logits up to 2 million, although float16 ends at 65504.
 */
import { SlmError } from "@slm/core";
import { ROW_POSITIONS } from "@slm/exported-model";
import { EMBEDDING_WEIGHT, HEAD_WEIGHT } from "@slm/model";
import { int } from "@slm/onnx";
import { CONTRIB, type Lowering, type Recorder, type Tensor } from "@slm/tensor";
import { shortTable } from "../weights/shortlist.js";
import type { LoweringContext } from "./context.js";
import { cast, concat, countUp, reshape, sizeOf, sliceAxis } from "./emit.js";

/** Rows of the table by ids: `[batch, length, width]`. */
export function gatherRows(context: LoweringContext): Lowering<"embedding"> {
  return (recorder, { table, ids }) =>
    recorder.builder.scope("embedding", () => {
      const name = tableOf(recorder, context, table, ids);
      return recorder.record("Gather", [name, ids], [...ids.shape, table.shape[1]!]);
    });
}

/** The same for one text, as the rows `[length, width]` of static graphs. */
export function gatherFlat(context: LoweringContext): Lowering<"embedding"> {
  return (recorder, { table, ids }) =>
    recorder.builder.scope("embedding", () => {
      const name = tableOf(recorder, context, table, ids);
      const [length, width] = [ids.shape[1]!, table.shape[1]!];
      const rows = recorder.op("Gather", [name, ids]);
      return recorder.tensor(reshape(recorder, rows, [length, width]), [1, length, width]);
    });
}

/**
 * Rows of a position table from 0 or a past length on: `[1 or rows, length, width]`, one row for each past length.
 *
 * @param beyond for positions after the table: a runtime error, or the table's last row
 */
export function positionsByRow(
  { weights }: LoweringContext,
  beyond: "error" | "last",
): Lowering<"positionRows"> {
  return (recorder, { table, sequence, pastLength }) =>
    recorder.builder.scope("positions", () => {
      const { builder } = recorder;
      const name = weights.store(recorder, table, "as-stored").name;
      const offsets = countUp(recorder, sizeOf(recorder, recorder.nameOf(sequence), 1));
      const shape = [1, sequence.shape[1]!, table.shape[1]!];
      const rowsAt = (places: string): Tensor => {
        const last = (): string => builder.constant("int32", [], [table.shape[0] - 1]);
        const known = beyond === "error" ? places : builder.op("Min", [places, last()]);
        return recorder.record("Gather", [name, known], shape);
      };
      if (pastLength === undefined) return rowsAt(reshape(recorder, offsets, [1, -1]));
      const first = reshape(recorder, recorder.nameOf(pastLength), ROW_POSITIONS.shape);
      return rowsAt(reshape(recorder, builder.op("Add", [first, offsets]), [0, -1]));
    });
}

/** The same for one text, as rows `[length, width]`. A static decoder's past lengths are the positions of its tokens. */
export function positionsFlat({ weights }: LoweringContext): Lowering<"positionRows"> {
  return (recorder, { table, sequence, pastLength }) =>
    recorder.builder.scope("positions", () => {
      const name = weights.store(recorder, table, "as-stored").name;
      const [length, width] = [sequence.shape[1]!, table.shape[1]!];
      const rows =
        pastLength === undefined
          ? sliceAxis(recorder, name, [0, 0, length])
          : recorder.op("Gather", [name, pastLength]);
      return recorder.tensor(rows, [1, length, width]);
    });
}

function tableOf(
  recorder: Recorder,
  { weights, sequence }: LoweringContext,
  table: Tensor,
  ids: Tensor,
): string {
  const { name, layout } = weights.store(recorder, table, "as-stored");
  if (layout !== "as-stored") {
    throw new SlmError(
      "UNEXPECTED",
      `export: '${name}' must be used as an embedding before it is used as the output head`,
    );
  }
  sequence.start(recorder.nameOf(ids));
  return name;
}

/** Names of the output head: a separate weight, or the embedding table, which may be pruned. */
const HEADS: ReadonlySet<string> = new Set([HEAD_WEIGHT, EMBEDDING_WEIGHT, shortTable(EMBEDDING_WEIGHT)]);

/** How the output head computes logits. */
interface HeadProduct {
  /** Emits x · tableᵀ. */
  readonly emit: (recorder: Recorder, x: string, table: string) => string;
  /** Whether x must be rows `[n, width]`. Otherwise it can have any number of leading axes. */
  readonly takesRows: boolean;
}

/** `MatMul` with `[in, out]`. The head uses `FusedMatMul`, which reads the table without transposing it. */
export function matMulOrFused(context: LoweringContext): Lowering<"linear"> {
  return matMulWith(context, {
    takesRows: false,
    emit: ({ builder }, x, table) =>
      builder.op("FusedMatMul", [x, table], { domain: CONTRIB, attributes: { transB: int(1) } }),
  });
}

/** `MatMul` with `[in, out]`. The head uses `Gemm`, for providers without `FusedMatMul`. */
export function matMulOrGemm(context: LoweringContext): Lowering<"linear"> {
  return matMulWith(context, gemm);
}

const gemm: HeadProduct = {
  takesRows: true,
  emit: ({ builder }, x, table) => builder.op("Gemm", [x, table], { attributes: { transB: int(1) } }),
};

function matMulWith(context: LoweringContext, product: HeadProduct): Lowering<"linear"> {
  return (recorder, { x, weight, bias }) => {
    const { weights } = context;
    const shape = [...x.shape.slice(0, -1), weight.shape[0]];
    if (HEADS.has(recorder.nameOf(weight))) {
      const logits = head(recorder, context, { x, weight, bias }, product);
      return recorder.tensor(logits, shape);
    }
    const { name } = weights.store(recorder, weight, "transposed");
    const y = recorder.op("MatMul", [x, name]);
    if (bias === undefined) return recorder.tensor(y, shape);
    return recorder.record("Add", [y, weights.store(recorder, bias, "as-stored").name], shape);
  };
}

/** Every linear layer as `Gemm` on rows `[length, in]`, weights as in the checkpoint `[out, in]`. */
export function gemmRows(context: LoweringContext): Lowering<"linear"> {
  return (recorder, { x, weight, bias }) => {
    const { weights } = context;
    const shape = [...x.shape.slice(0, -1), weight.shape[0]];
    if (HEADS.has(recorder.nameOf(weight))) {
      return recorder.tensor(head(recorder, context, { x, weight, bias }, gemm), shape);
    }
    const inputs = [x, weight, ...(bias === undefined ? [] : [bias])].map((tensor, index) =>
      index === 0 ? recorder.nameOf(tensor) : weights.store(recorder, tensor, "as-stored").name,
    );
    return recorder.record("Gemm", inputs, shape, { attributes: { transB: int(1) } });
  };
}

/** A power of two, so that division and multiplication do not round. */
const HEADROOM = 32;

function head(
  recorder: Recorder,
  { device, weights }: LoweringContext,
  { x, weight, bias }: { readonly x: Tensor; readonly weight: Tensor; readonly bias?: Tensor | undefined },
  product: HeadProduct,
): string {
  const { builder } = recorder;
  const { precision } = device;
  const table = weights.store(recorder, weight, "as-stored").name;
  const hidden = recorder.nameOf(x);
  const perToken = product.takesRows && x.shape.length === 3;
  const [width, vocabulary] = [weight.shape[1]!, weight.shape[0]];
  const rows = perToken ? reshape(recorder, hidden, [-1, width]) : hidden;
  const logits = biased(wideLogits());
  if (!perToken) return logits;
  const sizes = builder.op("Shape", [hidden], { attributes: { start: int(0), end: int(2) } });
  return builder.op("Reshape", [logits, concat(recorder, [sizes, builder.ints([vocabulary])], 0)]);

  function biased(scores: string): string {
    if (bias === undefined) return scores;
    const row = weights.store(recorder, bias, "as-stored").name;
    return builder.op("Add", [scores, precision === "float32" ? row : cast(recorder, row, "float32")]);
  }

  function wideLogits(): string {
    if (precision === "float32") return product.emit(recorder, rows, table);
    if (precision === "bfloat16") return cast(recorder, product.emit(recorder, rows, table), "float32");
    const small = builder.op("Mul", [rows, builder.constant(precision, [], [1 / HEADROOM])]);
    const wide = cast(recorder, product.emit(recorder, small, table), "float32");
    return builder.op("Mul", [wide, builder.constant("float32", [], [HEADROOM])]);
  }
}

/** The last position of every row: `[batch, length, width]` -> `[batch, width]`. */
export function gatherLast(): Lowering<"lastPosition"> {
  return (recorder, { x }) => {
    const last = recorder.builder.constant("int64", [], [-1]);
    return recorder.record("Gather", [x, last], [x.shape[0], x.shape[2]!], { attributes: { axis: int(1) } });
  };
}

/** Returns x, which has one position. @throws SlmError UNEXPECTED if it is longer. */
export function onlyPosition(): Lowering<"lastPosition"> {
  return (recorder, { x }) => {
    if (x.shape[1] !== 1) {
      throw new SlmError("UNEXPECTED", `export: a static decoder reads one token, got ${x.shape[1] ?? 0}`);
    }
    return recorder.tensor(recorder.nameOf(x), [1, x.shape[2]!]);
  };
}
