/** Shape inference of matrix products. */
import type { OnnxDType } from "@slm/onnx";
import type { InferContext, InferRule } from "./context.js";
import { areDifferent, broadcast, isShape, type Dimension, type Shape } from "./facts.js";

/** Which operands are transposed first. */
interface Turns {
  readonly a: boolean;
  readonly b: boolean;
}

const STRAIGHT: Turns = { a: false, b: false };

function swapLast(shape: Shape): Shape {
  const [columns, rows] = [shape.at(-1), shape.at(-2)];
  return rows === undefined || columns === undefined ? shape : [...shape.slice(0, -2), columns, rows];
}

/** Shape of a product as in numpy's matmul: vectors become single rows or columns, leading axes broadcast. */
function productShape(
  c: InferContext,
  left: Shape | undefined,
  right: Shape | undefined,
  turns: Turns = STRAIGHT,
): Shape | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (left.length === 0 || right.length === 0) {
    c.problem("a product of matrices needs operands with axes, got a scalar");
    return undefined;
  }
  const a = left.length === 1 ? [1, ...left] : turns.a ? swapLast(left) : left;
  const b = right.length === 1 ? [...right, 1] : turns.b ? swapLast(right) : right;
  if (areDifferent(a.at(-1)!, b.at(-2)!)) {
    c.problem(
      `[${left.join(",")}] times [${right.join(",")}]: ${a.at(-1)!} columns do not match ${b.at(-2)!} rows`,
    );
    return undefined;
  }
  const leading = broadcast(a.slice(0, -2), b.slice(0, -2));
  if (!isShape(leading) || leading === undefined) {
    c.problem(`[${left.join(",")}] times [${right.join(",")}]: leading sizes differ`);
    return undefined;
  }
  const rows: Shape = left.length === 1 ? [] : [a.at(-2)!];
  const columns: Shape = right.length === 1 ? [] : [b.at(-1)!];
  return [...leading, ...rows, ...columns];
}

const matMul =
  (dtype?: OnnxDType): InferRule =>
  (c) => [
    { dtype: dtype ?? c.input(0).dtype ?? c.input(1).dtype, shape: productShape(c, c.shape(0), c.shape(1)) },
  ];

const fusedMatMul: InferRule = (c) => {
  const turns = { a: c.int("transA", 0) === 1, b: c.int("transB", 0) === 1 };
  // Batch transposes move leading axes; they are not supported here.
  const isBatch = c.int("transBatchA", 0) === 1 || c.int("transBatchB", 0) === 1;
  const shape = isBatch ? undefined : productShape(c, c.shape(0), c.shape(1), turns);
  return [{ dtype: c.input(0).dtype, shape }];
};

const gemm: InferRule = (c) => {
  const [a, b] = [c.shape(0), c.shape(1)];
  const turned = (shape: Shape | undefined, name: string): Shape | undefined =>
    shape?.length === 2 ? (c.int(name, 0) === 1 ? swapLast(shape) : shape) : undefined;
  const [left, right] = [turned(a, "transA"), turned(b, "transB")];
  const dtype = c.input(0).dtype ?? c.input(1).dtype;
  if (a !== undefined && left === undefined) c.problem(`A needs 2 axes, got ${a.length}`);
  if (b !== undefined && right === undefined) c.problem(`B needs 2 axes, got ${b.length}`);
  if (left !== undefined && right !== undefined && areDifferent(left[1]!, right[0]!))
    c.problem(`A has ${left[1]!} columns, B ${right[0]!} rows`);
  return [{ dtype, shape: [left?.[0] ?? "", right?.[1] ?? ""] }];
};

/** The shape is unknown for equations with an ellipsis. */
const einsum: InferRule = (c) => {
  const { dtype } = c.input(0);
  const [operands = "", output] = c.text("equation", "").replaceAll(" ", "").split("->");
  const terms = operands.split(",");
  if (terms.length !== c.inputs.length || operands.includes(".") || output?.includes(".") === true)
    return [{ dtype }];
  const sizes = new Map<string, Dimension>();
  const counts = new Map<string, number>();
  terms.forEach((term, index) => {
    const shape = c.shape(index);
    if (shape !== undefined && shape.length !== term.length)
      c.problem(`term '${term}' of an operand with ${shape.length} axes`);
    Array.from(term).forEach((letter, axis) => {
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
      const size = shape?.[axis] ?? "";
      if (sizes.get(letter) === undefined || sizes.get(letter) === "" || sizes.get(letter) === 1)
        sizes.set(letter, size);
    });
  });
  // Without an output, ONNX takes the letters that occur once, in alphabetical order.
  const letters =
    output ??
    [...counts]
      .filter(([, count]) => count === 1)
      .map(([letter]) => letter)
      .sort()
      .join("");
  return [{ dtype, shape: Array.from(letters, (letter) => sizes.get(letter) ?? "") }];
};

/** The last axis of A becomes `N`. */
const matMulBlocks: InferRule = (c) => [
  { dtype: c.input(0).dtype, shape: c.shape(0) && [...c.shape(0)!.slice(0, -1), c.int("N", 0)] },
];

export const MULTIPLY: Readonly<Record<string, InferRule>> = {
  MatMul: matMul(),
  MatMulInteger: matMul("int32"),
  QLinearMatMul: (c) => [{ dtype: c.input(7).dtype, shape: productShape(c, c.shape(0), c.shape(3)) }],
  Gemm: gemm,
  Einsum: einsum,
};

export const CONTRIB_MULTIPLY: Readonly<Record<string, InferRule>> = {
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  FusedGemm: gemm,
  MatMulNBits: matMulBlocks,
  MatMulBnb4: matMulBlocks,
  DynamicQuantizeMatMul: matMul("float32"),
  MatMulIntegerToFloat: matMul("float32"),
};
