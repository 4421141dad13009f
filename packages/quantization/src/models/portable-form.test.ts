import { expect, test } from "vitest";
import { usualScheme } from "./portable-form.js";

test("the portable form is the usual scheme where the export has one, otherwise the device's default", () => {
  const portable = [{ file: "portable.int8.bin", bytes: 1, weights: "int8" as const }];
  expect(usualScheme({ target: "cpu", portable })).toBe("int8");
  expect(usualScheme({ target: "cpu" })).toBe("cpu");
  expect(usualScheme({ target: "npu", profile: "qnn" })).toBe("a16w8");
  expect(usualScheme({ target: "npu", profile: "coreml" })).toBeNull();
});
