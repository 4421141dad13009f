import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { permuteRowsInPlace } from "./row-permutation.js";

describe(permuteRowsInPlace, () => {
  test("turns row i into the former row rows[i], for any rows", () => {
    const cases = fc
      .record({ rows: fc.array(fc.nat(100), { minLength: 1, maxLength: 8 }), width: fc.nat(5) })
      .map(({ rows, width }) => ({ rows: rows.map((row) => row % rows.length), width }));
    fc.assert(
      fc.property(cases, ({ rows, width }) => {
        const bytes = Uint8Array.from({ length: rows.length * width }, (_, at) => at);
        const expected = rows.flatMap((row) => [...bytes.subarray(row * width, (row + 1) * width)]);
        permuteRowsInPlace(bytes, rows);
        expect([...bytes]).toEqual(expected);
      }),
    );
  });
});
