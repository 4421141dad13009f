import { describe, expect, test } from "vitest";
import { nearest } from "./nearest.js";

describe(nearest, () => {
  test("finds the word that was meant, and none when nothing is near", () => {
    expect(nearest("distil", ["data", "distill", "deploy"])).toBe("distill");
    expect(nearest("batchsize", ["batchSize", "steps"])).toBe("batchSize");
    expect(nearest("xyz", ["data", "distill"])).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
  });
});
