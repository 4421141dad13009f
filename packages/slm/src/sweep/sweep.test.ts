import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { parseSeeds, parseVariant, parseVariants } from "./variants.js";

describe(parseVariant, () => {
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
      expect(() => parseVariant(text)).toThrow(withCode("USAGE"));
    },
  );

  test("needs two variants with different names, and different seeds", () => {
    expect(() => parseVariants(["a"])).toThrow(withCode("USAGE"));
    expect(() => parseVariants(["a", "a:distill.steps=3"])).toThrow(withCode("USAGE"));
    expect(parseSeeds("1, 2,3")).toEqual([1, 2, 3]);
    for (const text of ["", "1,,2", "1,1", "1.5", "x"])
      expect(() => parseSeeds(text)).toThrow(withCode("USAGE"));
  });
});
