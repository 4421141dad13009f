import { describe as group, expect, test } from "vitest";
import { ranked, rungsOf, type Measured } from "./halving.js";
import { parseAxis, trialsOf } from "./space.js";
import { parseSeeds, parseVariant, parseVariants } from "./variants.js";

group(parseAxis, () => {
  test("reads values and ranges", () => {
    expect(parseAxis("distill.learningRate=1e-3, 3e-3")).toEqual({
      key: "distill.learningRate",
      values: ["1e-3", "3e-3"],
    });
    expect(parseAxis("distill.loss.forwardKl=.5..1.5")).toEqual({
      key: "distill.loss.forwardKl",
      range: [0.5, 1.5],
    });
    expect(parseAxis("distill.learningRate=1e-4..1e-2")).toMatchObject({ range: [1e-4, 1e-2] });
  });

  test.each([
    "data.limit=1,2",
    "distill.steps=1,2",
    "distill.x",
    "distill.x=1,1",
    "distill.x=1,,2",
    "distill.x=2..1",
  ])("rejects %s", (text) => {
    expect(() => parseAxis(text)).toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
  });
});

group(trialsOf, () => {
  const axes = ["distill.a=1,2", "distill.b=x,y,z"].map(parseAxis);

  test("are every combination, numbered in order", () => {
    const trials = trialsOf(axes, { seed: 1 });
    expect(trials).toHaveLength(6);
    expect(trials[4]).toEqual({ number: 4, settings: { "distill.a": "2", "distill.b": "y" } });
  });

  test("are drawn without repetition, the same from the same seed", () => {
    const some = trialsOf(axes, { count: 4, seed: 1 });
    expect(new Set(some.map(({ settings }) => JSON.stringify(settings))).size).toBe(4);
    expect(trialsOf(axes, { count: 4, seed: 1 })).toEqual(some);
    expect(trialsOf(axes, { count: 4, seed: 2 })).not.toEqual(some);
    expect(trialsOf(axes, { count: 100, seed: 1 })).toHaveLength(6);
  });

  test("are drawn from ranges, wide ones on a logarithmic scale", () => {
    const range = [parseAxis("distill.learningRate=1e-4..1")];
    const drawn = trialsOf(range, { count: 200, seed: 1 }).map(({ settings }) =>
      Number(settings["distill.learningRate"]),
    );
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1);
    const below = drawn.filter((value) => value < 1e-2).length;
    expect(below).toBeGreaterThan(70);
    expect(below).toBeLessThan(130);
    expect(() => trialsOf(range, { seed: 1 })).toThrow(/expected --trials/u);
  });
});

test("of 16 trials, 4 continue after a sixteenth of the steps, and one trains in full", () => {
  expect(rungsOf(16, 1600, 4)).toEqual([
    { steps: 100, trials: 16 },
    { steps: 400, trials: 4 },
    { steps: 1600, trials: 1 },
  ]);
  expect(rungsOf(5, 100, 1)).toEqual([{ steps: 100, trials: 5 }]);
  expect(rungsOf(3, 100, 4)).toEqual([{ steps: 100, trials: 3 }]);
});

test("trials are ranked by the metrics in order, then by number; diverged trials are last", () => {
  const one = (
    trial: number,
    metrics: Readonly<Record<string, number>>,
    failure: string | null = null,
  ): Measured => ({
    ...{ trial, steps: 1, metrics, loss: 1, failure },
  });
  const order = (measured: readonly Measured[], metrics: Parameters<typeof ranked>[1]): readonly number[] =>
    ranked(measured, metrics).map(({ trial }) => trial);
  const given = [
    one(0, {}, "diverged"),
    one(1, { per: 0.2, exactMatch: 0.1 }),
    one(2, { per: 0.2, exactMatch: 0.3 }),
    one(3, { per: 0.1 }),
  ];
  expect(order(given, ["per", "exactMatch"])).toEqual([3, 2, 1, 0]);
  expect(order(given.slice(1, 3), ["exactMatch"])).toEqual([2, 1]);
  expect(order([one(1, { per: 1 }), one(0, { per: 1 })], ["per"])).toEqual([0, 1]);
});

group(parseVariant, () => {
  test("reads a name without settings, and a name with settings", () => {
    expect(parseVariant("full")).toEqual({ name: "full", settings: [] });
    expect(parseVariant("few:data.labels=100; distill.student={width: 64, heads: 2}")).toEqual({
      name: "few",
      settings: ["data.labels=100", "distill.student={width: 64, heads: 2}"],
    });
  });

  test.each(["", "..", "a/b", "a:", "a:b", "a:distill.seed=2", "a:distill.metrics=[wer]", "a:data.test=x"])(
    "rejects %j",
    (text) => {
      expect(() => parseVariant(text)).toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
    },
  );

  test("needs two variants with different names, and different seeds", () => {
    expect(() => parseVariants(["a"])).toThrow(/at least two/u);
    expect(() => parseVariants(["a", "a:distill.steps=3"])).toThrow(/twice/u);
    expect(parseSeeds("1, 2,3")).toEqual([1, 2, 3]);
    for (const text of ["", "1,,2", "1,1", "1.5", "x"]) expect(() => parseSeeds(text)).toThrow(/--seeds/u);
  });
});
