import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accumulatorOf, type Statistic } from "./statistics.js";

const WIDTH = 3;
const STATISTICS: readonly Statistic[] = [
  { kind: "range", value: "x" },
  { kind: "gram", value: "x", width: WIDTH },
];

/** The probe outputs of a statistic for rows `[rows, WIDTH]`. */
function outputsOf({ kind }: Statistic, numbers: Float32Array): readonly Float32Array[] {
  const rows = Array.from({ length: numbers.length / WIDTH }, (_, row) =>
    numbers.subarray(row * WIDTH, (row + 1) * WIDTH),
  );
  const each = (body: (at: number) => number, length = WIDTH): Float32Array =>
    Float32Array.from({ length }, (_, at) => body(at));
  switch (kind) {
    case "range":
      return [Float32Array.of(Math.min(...numbers)), Float32Array.of(Math.max(...numbers))];
    case "gram":
      return [
        each(
          (at) => rows.reduce((sum, row) => sum + row[Math.floor(at / WIDTH)]! * row[at % WIDTH]!, 0),
          WIDTH * WIDTH,
        ),
      ];
  }
}

/** Runs of integers, so that products and sums are exact. */
const runsOf = fc.array(
  fc
    .array(fc.tuple(fc.integer({ min: -100, max: 100 }), fc.nat({ max: 100 }), fc.nat({ max: 9 })), {
      minLength: 1,
      maxLength: 5,
    })
    .map((rows) => Float32Array.from(rows.flat())),
  { minLength: 1, maxLength: 12 },
);

function totalsOf(statistic: Statistic, runs: readonly Float32Array[]): Float64Array {
  const accumulator = accumulatorOf(statistic);
  for (const numbers of runs) accumulator.add(outputsOf(statistic, numbers));
  return accumulator.totals;
}

describe(accumulatorOf, () => {
  test.each(STATISTICS)("%o of parts, merged, is that of one pass", (statistic) => {
    fc.assert(
      fc.property(runsOf, fc.integer({ min: 1, max: 5 }), (runs, size) => {
        const merged = accumulatorOf(statistic);
        for (let at = 0; at < runs.length; at += size)
          merged.merge(totalsOf(statistic, runs.slice(at, at + size)));
        expect(merged.totals).toEqual(totalsOf(statistic, runs));
      }),
    );
  });

  test("names the value whose range is not finite", () => {
    const { add } = accumulatorOf({ kind: "range", value: "scores" });
    expect(() => {
      add([Float32Array.of(0), Float32Array.of(NaN)]);
    }).toThrow(withCode("DATA_INVALID"));
  });
});
