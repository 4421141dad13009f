import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { symmetricEigen } from "./symmetric-eigen.js";

/** Rows of random symmetric matrices, some of low rank, some with equal eigenvalues, some diagonal. */
const matrices = fc.integer({ min: 1, max: 9 }).chain((size) => {
  const value = fc.oneof(
    fc.constant(0),
    fc.constant(1),
    fc.constant(1e-160),
    fc.double({ min: -4, max: 4, noNaN: true }),
  );
  return fc.array(value, { minLength: size * size, maxLength: size * size }).map((values) => ({
    size,
    matrix: Float64Array.from(values, (_, i) => {
      const [row, column] = [Math.floor(i / size), i % size];
      return values[Math.min(row, column) * size + Math.max(row, column)]!;
    }),
  }));
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);

describe(symmetricEigen, () => {
  test("returns orthonormal vectors that the matrix only scales, from the largest value to the smallest", () => {
    fc.assert(
      fc.property(matrices, ({ matrix, size }) => {
        const { values, vectors } = symmetricEigen(matrix, size);
        const vector = (k: number): Float64Array => vectors.subarray(k * size, (k + 1) * size);
        for (let k = 0; k < size; k++) {
          if (k > 0) expect(values[k]).toBeLessThanOrEqual(values[k - 1]!);
          for (let other = 0; other < size; other++) {
            expect(dot(vector(k), vector(other))).toBeCloseTo(k === other ? 1 : 0, 12);
          }
          for (let row = 0; row < size; row++) {
            const image = dot(matrix.subarray(row * size, (row + 1) * size), vector(k));
            expect(image).toBeCloseTo(values[k]! * vector(k)[row]!, 11);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("makes the largest element of each vector positive, and does not change its input", () => {
    fc.assert(
      fc.property(matrices, ({ matrix, size }) => {
        const before = Float64Array.from(matrix);
        const { vectors } = symmetricEigen(matrix, size);
        expect(matrix).toEqual(before);
        for (let k = 0; k < size; k++) {
          const vector = [...vectors.subarray(k * size, (k + 1) * size)];
          const largest = Math.max(...vector.map(Math.abs));
          expect(vector.find((value) => Math.abs(value) === largest)).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("rejects numbers that are not finite", () => {
    expect(() => symmetricEigen(Float64Array.of(1, NaN, NaN, 1), 2)).toThrow(withCode("DATA_INVALID"));
  });
});
