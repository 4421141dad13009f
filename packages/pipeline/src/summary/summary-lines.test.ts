import { expect, test } from "vitest";
import { comparedWith } from "./summary-lines.js";

test.each([
  [1 / 1.16, "16 % slower"],
  [1 / 1.004, "as fast"],
  [1.61, "61 % faster"],
  [2.4, "2.4 times as fast"],
  [0.4, "2.5 times as slow"],
])("a speed of %d times another one is %j", (ratio, text) => {
  expect(comparedWith(ratio)).toBe(text);
});
