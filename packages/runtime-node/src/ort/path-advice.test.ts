import { expect, test } from "vitest";
import { pathAdvice } from "./path-advice.js";

test("advises a shorter path on Windows only", () => {
  const long = `/${"folder/".repeat(40)}encoder.onnx`;
  expect(pathAdvice(long, "win32")).toEqual([
    "move the model to a path of at most 259 characters; this one has 293",
  ]);
  expect(pathAdvice("/runs/encoder.onnx", "win32")).toEqual([]);
  expect(pathAdvice(long, "linux")).toEqual([]);
});
