/**
 * All eigenvectors of a symmetric matrix: Householder reflections make it tridiagonal, rotations make it diagonal.
 *
 * Source: Golub and Van Loan, Matrix Computations (4th edition), sections 8.3.1 and 8.3.4; about 9·size³ operations.
 */
import { SlmError } from "@slm/core";

export interface SymmetricEigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Row k is the unit eigenvector of value k, its largest element positive; row major `[size, size]`. */
  readonly vectors: Float64Array;
}

/** A tridiagonal matrix: its diagonal and its off-diagonal; `beside[i]` couples i and i + 1. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
  /** Row i is the i-th basis vector in which the matrix is tridiagonal. */
  readonly basis: Float64Array;
}

/** Rotations per eigenvalue before giving up; two or three are usual. */
const MAX_SWEEPS = 60;

/** @param matrix row major `[size, size]`, only read. @throws SlmError DATA_INVALID for numbers that are not finite. */
export function symmetricEigen(matrix: Float64Array, size: number): SymmetricEigen {
  if (!matrix.every(Number.isFinite)) {
    throw new SlmError("DATA_INVALID", "eigenvectors: the matrix contains numbers that are not finite");
  }
  // Divided by the largest element, so that squares neither overflow nor underflow.
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const { diagonal, beside, basis } = tridiagonalize(
    matrix.map((value) => value / largest),
    size,
  );
  for (let index = 0; index < size; index++) isolate(diagonal, beside, basis, index);
  const order = [...diagonal.keys()].sort((i, j) => diagonal[j]! - diagonal[i]! || i - j);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => {
    vectors.set(basis.subarray(from * size, (from + 1) * size), to * size);
    orient(vectors.subarray(to * size, (to + 1) * size));
  });
  return { values: Float64Array.from(order, (index) => largest * diagonal[index]!), vectors };
}

/** An eigenvector's sign is arbitrary; fixing it makes results repeatable. */
function orient(vector: Float64Array): void {
  let largest = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest < 0) for (let i = 0; i < vector.length; i++) vector[i] = -vector[i]!;
}

/** Zeroes the elements below the first subdiagonal by reflections, column by column. Overwrites `a`. */
function tridiagonalize(a: Float64Array, size: number): Tridiagonal {
  const reflections: Float64Array[] = [];
  for (let k = 0; k + 2 < size; k++) {
    const v = reflector(a, size, k);
    reflections.push(v);
    reflectBothSides(a, size, k, v);
  }
  const at = (row: number, column: number): number => a[row * size + column]!;
  return {
    diagonal: Float64Array.from({ length: size }, (_, i) => at(i, i)),
    beside: Float64Array.from({ length: size }, (_, i) => (i + 1 < size ? at(i + 1, i) : 0)),
    basis: transposedProduct(reflections, size),
  };
}

/** v such that I - v·vᵀ maps column k below the diagonal to a multiple of its first element; |v|² is 2, or 0 for no reflection. */
function reflector(a: Float64Array, size: number, k: number): Float64Array {
  const v = new Float64Array(size);
  let largest = 0;
  for (let i = k + 1; i < size; i++) largest = Math.max(largest, Math.abs(a[i * size + k]!));
  if (largest === 0) return v;
  // Divided by the largest element, so that no square underflows.
  let rest = 0;
  for (let i = k + 1; i < size; i++) {
    v[i] = a[i * size + k]! / largest;
    if (i > k + 1) rest += v[i]! ** 2;
  }
  if (rest === 0) return v.fill(0);
  const length = Math.sqrt(rest + v[k + 1]! ** 2);
  // The sign that avoids cancellation.
  v[k + 1] = v[k + 1]! + (v[k + 1]! < 0 ? -length : length);
  const scale = Math.SQRT2 / Math.sqrt(rest + v[k + 1]! ** 2);
  for (let i = k + 1; i < size; i++) v[i] = v[i]! * scale;
  return v;
}

/** a := (I - v·vᵀ)·a·(I - v·vᵀ) = a - v·wᵀ - w·vᵀ with w = a·v - (vᵀ·a·v / 2)·v; v is zero up to k. */
function reflectBothSides(a: Float64Array, size: number, k: number, v: Float64Array): void {
  const w = new Float64Array(size);
  let along = 0;
  for (let i = k; i < size; i++) {
    let sum = 0;
    for (let j = k + 1; j < size; j++) sum += a[i * size + j]! * v[j]!;
    w[i] = sum;
    along += sum * v[i]!;
  }
  for (let i = k; i < size; i++) w[i] = w[i]! - (along / 2) * v[i]!;
  for (let i = k; i < size; i++) {
    const [vi, wi] = [v[i]!, w[i]!];
    for (let j = k; j < size; j++) a[i * size + j] = a[i * size + j]! - vi * w[j]! - wi * v[j]!;
  }
}

/** The transpose of the product of all reflections, built from the last one so that each step touches few rows. */
function transposedProduct(reflections: readonly Float64Array[], size: number): Float64Array {
  const q = new Float64Array(size * size);
  for (let i = 0; i < size; i++) q[i * size + i] = 1;
  const row = new Float64Array(size);
  for (let k = reflections.length - 1; k >= 0; k--) {
    const v = reflections[k]!;
    row.fill(0);
    for (let i = k + 1; i < size; i++) {
      for (let j = k + 1; j < size; j++) row[j] = row[j]! + v[i]! * q[i * size + j]!;
    }
    for (let i = k + 1; i < size; i++) {
      for (let j = k + 1; j < size; j++) q[i * size + j] = q[i * size + j]! - v[i]! * row[j]!;
    }
  }
  const transposed = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) transposed[j * size + i] = q[i * size + j]!;
  return transposed;
}

/** Rotates until element `first` is decoupled from those after it: implicit QL steps with Wilkinson's shift. */
function isolate(diagonal: Float64Array, beside: Float64Array, basis: Float64Array, first: number): void {
  for (let sweep = 0; ; sweep++) {
    const last = coupledEnd(beside, first);
    if (last === first) return;
    if (sweep === MAX_SWEEPS) {
      throw new SlmError(
        "UNEXPECTED",
        `eigenvectors: value ${first} did not converge in ${MAX_SWEEPS} sweeps`,
      );
    }
    chase(diagonal, beside, basis, { first, last });
  }
}

/** Last index of the block that starts at `first`: the coupling after it is below rounding error (the largest element is 1). */
function coupledEnd(beside: Float64Array, first: number): number {
  let last = first;
  while (last + 1 < beside.length && Math.abs(beside[last]!) > Number.EPSILON) last++;
  return last;
}

/** One QL step: a rotation at the block's end creates a bulge, which more rotations chase to the start of the block. */
function chase(
  diagonal: Float64Array,
  beside: Float64Array,
  basis: Float64Array,
  { first, last }: { readonly first: number; readonly last: number },
): void {
  // Wilkinson's shift: the eigenvalue of the block's leading 2 x 2 that is nearer to its first element.
  const half = (diagonal[first + 1]! - diagonal[first]!) / (2 * beside[first]!);
  const away = half + (half < 0 ? -1 : 1) * Math.hypot(half, 1);
  const shift = diagonal[first]! - beside[first]! / away;
  let x = diagonal[last]! - shift;
  let bulge = beside[last - 1]!;
  for (let i = last - 1; i >= first; i--) {
    const length = Math.hypot(x, bulge);
    const [c, s] = length === 0 ? [1, 0] : [x / length, bulge / length];
    if (i + 1 < last) beside[i + 1] = length;
    const [upper, lower, coupling] = [diagonal[i]!, diagonal[i + 1]!, beside[i]!];
    const cross = 2 * c * s * coupling;
    diagonal[i + 1] = c * c * lower + cross + s * s * upper;
    diagonal[i] = s * s * lower - cross + c * c * upper;
    beside[i] = c * s * (upper - lower) + (c * c - s * s) * coupling;
    x = beside[i]!;
    if (i > first) {
      bulge = s * beside[i - 1]!;
      beside[i - 1] = c * beside[i - 1]!;
    }
    rotateRows(basis, diagonal.length, i, { c, s });
  }
}

/** Rows i and i + 1 become c·row(i) - s·row(i + 1) and s·row(i) + c·row(i + 1). */
function rotateRows(
  basis: Float64Array,
  size: number,
  i: number,
  { c, s }: { readonly c: number; readonly s: number },
): void {
  const [upper, lower] = [i * size, (i + 1) * size];
  for (let j = 0; j < size; j++) {
    const a = basis[upper + j]!;
    const b = basis[lower + j]!;
    basis[upper + j] = c * a - s * b;
    basis[lower + j] = s * a + c * b;
  }
}
