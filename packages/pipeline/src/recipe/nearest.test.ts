import { describe, expect, test } from "vitest";
import { nearest } from "./nearest.js";

describe(nearest, () => {
  test("finds the closest word, or none if no word is close enough", () => {
    expect(nearest("distil", ["data", "distill", "deploy"])).toBe("distill");
    expect(nearest("batchsize", ["batchSize", "steps"])).toBe("batchSize");
    expect(nearest("xyz", ["data", "distill"])).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
  });
});
