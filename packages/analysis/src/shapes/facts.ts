/** Static facts about a value: element type, shape, and the elements of small constants. */
import type { OnnxDType } from "@slm/onnx";

/** A size: a number, a symbol, or `""` if unknown; `""` equals nothing, not even itself. */
export type Dimension = number | string;

export type Shape = readonly Dimension[];

export interface ValueFacts {
  readonly dtype?: OnnxDType | undefined;
  /** Absent if not even the rank is known. */
  readonly shape?: Shape | undefined;
  /** Elements of a small tensor of numbers, row major: a symbol where the element is a symbolic size, `""` if unknown. */
  readonly elements?: readonly Dimension[] | undefined;
}

export const NOTHING_KNOWN: ValueFacts = {};

/** More axes than any runtime supports; a longer shape means a corrupt file. */
export const MAX_RANK = 64;

/** Tensors with more elements are data, not shapes; their elements are not tracked. */
export const MAX_ELEMENTS = 64;

export function isNumber(size: Dimension | undefined): size is number {
  return typeof size === "number";
}

/** Whether every dimension is a number. */
export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every(isNumber);
}

/** Sizes that are certainly equal. */
export function areEqual(a: Dimension, b: Dimension): boolean {
  return a === b && a !== "";
}

/** Sizes that are certainly different: symbols never are. */
export function areDifferent(a: Dimension, b: Dimension): boolean {
  return isNumber(a) && isNumber(b) && a !== b;
}

/** The more specific of two descriptions of one size. */
export function moreSpecific(a: Dimension, b: Dimension): Dimension {
  if (isNumber(a) || b === "") return a;
  return isNumber(b) || a === "" ? b : a;
}

/** A sum of sizes; a symbol remains only if all others are 0. */
export function sumOf(sizes: readonly Dimension[]): Dimension {
  const others = sizes.filter((size) => size !== 0);
  if (others.length === 1) return others[0]!;
  return others.every(isNumber) ? others.reduce((sum, size) => sum + size, 0) : "";
}

/** A product of sizes; a symbol remains only if all others are 1. */
export function productOf(sizes: readonly Dimension[]): Dimension {
  if (sizes.includes(0)) return 0;
  const others = sizes.filter((size) => size !== 1);
  if (others.length === 1) return others[0]!;
  return others.every(isNumber) ? others.reduce((product, size) => product * size, 1) : "";
}

/** All elements of a value as numbers; undefined unless all are known. */
export function numbersOf({ elements }: ValueFacts): readonly number[] | undefined {
  return elements?.every(isNumber) === true ? elements : undefined;
}

/** An axis counted from the front; undefined if the shape does not have it. */
export function axisOf(axis: number, rank: number): number | undefined {
  const place = axis < 0 ? axis + rank : axis;
  return Number.isInteger(place) && place >= 0 && place < rank ? place : undefined;
}

/** A shape with one size replaced. */
export function withSize(shape: Shape, axis: number, size: Dimension): Shape {
  return shape.map((old, index) => (index === axis ? size : old));
}

/** A shape of unknown sizes. */
export function unknownSizes(rank: number): Shape {
  return Array.from({ length: Math.min(rank, MAX_RANK) }, () => "");
}

/**
 * The broadcast shape of two tensors (ONNX Broadcasting.md), `undefined` if one rank is unknown, or the axis, counted
 * from the end, with incompatible sizes.
 */
export function broadcast(a: Shape | undefined, b: Shape | undefined): Shape | undefined | { clash: number } {
  if (a === undefined || b === undefined) return undefined;
  const rank = Math.max(a.length, b.length);
  const result: Dimension[] = [];
  for (let back = rank; back >= 1; back -= 1) {
    const left = a[a.length - back] ?? 1;
    const right = b[b.length - back] ?? 1;
    if (left === 1) result.push(right);
    else if (right === 1 || areEqual(left, right)) result.push(left);
    else if (isNumber(left) && isNumber(right)) return { clash: -back };
    else result.push(isNumber(left) ? left : isNumber(right) ? right : ""); // The unknown size is 1 or the same.
  }
  return result;
}

export function isShape(result: Shape | undefined | { clash: number }): result is Shape | undefined {
  return result === undefined || !("clash" in result);
}

/** Gathers the elements of a small tensor of static shape: `from` maps each index of the result to an index of the tensor. */
export function elementsAt(
  { shape, elements }: ValueFacts,
  result: Shape,
  from: (place: readonly number[]) => readonly number[],
): readonly Dimension[] | undefined {
  if (shape === undefined || elements === undefined || !isStatic(shape) || !isStatic(result))
    return undefined;
  const count = result.reduce((product, size) => product * size, 1);
  if (count > MAX_ELEMENTS || shape.reduce((product, size) => product * size, 1) !== elements.length)
    return undefined;
  return Array.from({ length: count }, (_, index) => {
    let rest = index;
    const place = result.map(() => 0);
    for (let axis = result.length - 1; axis >= 0; axis -= 1) {
      place[axis] = rest % result[axis]!;
      rest = Math.floor(rest / result[axis]!);
    }
    const offset = from(place).reduce((sum, at, axis) => sum * shape[axis]! + at, 0);
    return elements[offset] ?? "";
  });
}

/** Formats a shape for messages. */
export function shapeText(shape: readonly (number | string)[] | undefined): string {
  return shape === undefined
    ? "[of unknown rank]"
    : `[${shape.map((size) => (size === "" ? "?" : size)).join(",")}]`;
}
