import { GraphBuilder, int, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import type { ValueRange } from "../calibration/collect.js";
import { boundMasks, findMaskedScores } from "./attention-scores.js";

interface Built {
  readonly graph: Graph;
  /** Names of values by their role. */
  readonly names: Readonly<Record<string, string>>;
}

/** The scores of a product, and the additions of a test case before the Softmax. */
function built(add: (builder: GraphBuilder, scores: string, mask: string) => Record<string, string>): Built {
  const builder = new GraphBuilder("scores");
  const query = builder.input("query", "float32", [2, 4]);
  const mask = builder.input("mask", "float32", [1, 3]);
  const keys = builder.constant("float32", [4, 3], new Array<number>(12).fill(1));
  const scores = builder.op("MatMul", [query, keys]);
  const names = add(builder, scores, mask);
  const weights = builder.op("Softmax", [names["sum"]!], { attributes: { axis: int(-1) } });
  builder.output("weights", weights, "float32", [2, 3]);
  return { graph: builder.build(), names: { ...names, scores, mask } };
}

/** Calibrated ranges: scores from -3 to 5, a mask down to -10,000. */
function bounded(
  { graph, names }: Built,
  seen: Readonly<Record<string, ValueRange>>,
): Map<string, ValueRange> {
  const known: Record<string, ValueRange> = {
    scores: { low: -3, high: 5 },
    mask: { low: -1e4, high: 0 },
    ...seen,
  };
  const ranges = new Map(Object.entries(known).map(([key, range]) => [names[key] ?? key, range]));
  boundMasks(findMaskedScores(graph), ranges);
  return ranges;
}

const HIDDEN = { low: -1e4, high: 5 };

describe(boundMasks, () => {
  test("a mask is 20 below the range of scores, and the sum is 20 below the lowest score", () => {
    const one = built((builder, scores, mask) => ({ sum: builder.op("Add", [scores, mask]) }));
    const ranges = bounded(one, { sum: HIDDEN });
    expect(ranges.get(one.names["mask"]!)).toEqual({ low: -28, high: 0 });
    expect(ranges.get(one.names["sum"]!)).toEqual({ low: -23, high: 5 });
  });

  test.each(["before", "after"])("a bias %s the mask widens the range by its own range", (place) => {
    const both = built((builder, scores, mask) => {
      const bias = builder.op("Relu", [builder.constant("float32", [1, 3], [0, 1, 2])]);
      const [first, second] = place === "before" ? [bias, mask] : [mask, bias];
      const inner = builder.op("Add", [scores, first]);
      return { bias, inner, sum: builder.op("Add", [inner, second]) };
    });
    const inner = place === "before" ? { low: -3, high: 7 } : HIDDEN;
    const ranges = bounded(both, { bias: { low: 0, high: 2 }, inner, sum: HIDDEN });
    expect(ranges.get(both.names["bias"]!)).toEqual({ low: 0, high: 2 });
    expect(ranges.get(both.names["mask"]!)!.low).toBe(-30);
    expect(ranges.get(both.names["sum"]!)!.low).toBe(-23);
    expect(ranges.get(both.names["inner"]!)).toEqual(place === "before" ? inner : { low: -23, high: 7 });
  });

  test("a table of distances is a mask, for any calibration data", () => {
    const two = built((builder, scores, mask) => {
      const table = builder.constant("float32", [4], [0, 0, -16_384, -16_384]);
      const far = builder.op("Gather", [table, builder.input("places", "int32", [1, 3])]);
      const inner = builder.op("Add", [scores, mask]);
      return { far, inner, sum: builder.op("Add", [inner, far]) };
    });
    const ranges = bounded(two, { far: { low: 0, high: 0 }, inner: HIDDEN, sum: HIDDEN });
    expect(ranges.get(two.names["far"]!)).toEqual({ low: -28, high: 0 });
    expect(ranges.get(two.names["sum"]!)).toEqual({ low: -23, high: 5 });
  });

  test("masked scores are below the lowest of all scores that a Concat joins", () => {
    const joined = built((builder, scores, mask) => {
      const own = builder.op("Add", [scores, mask]);
      const keys = builder.constant("float32", [4, 3], new Array<number>(12).fill(2));
      const source = builder.op("MatMul", ["query", keys]);
      const other = builder.op("Add", [source, mask]);
      const sum = builder.op("Concat", [own, other], { attributes: { axis: int(-1) } });
      return { own, source, other, sum };
    });
    const span = { low: -40, high: 2 };
    const ranges = bounded(joined, { source: span, own: HIDDEN, other: HIDDEN, sum: HIDDEN });
    for (const name of ["own", "other", "sum"]) expect(ranges.get(joined.names[name]!)!.low, name).toBe(-60);
    expect(ranges.get(joined.names["mask"]!)!.low).toBe(-65);
    expect(ranges.get(joined.names["sum"]!)!.high).toBe(5);
  });
});
