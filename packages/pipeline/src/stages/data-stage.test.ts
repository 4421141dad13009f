import { expect, test } from "vitest";
import { smallSplitsLine } from "./data-stage.js";

test("splits that are too small to measure on are named, with the interval that they allow", () => {
  expect(smallSplitsLine({ dev: 2, test: 8 })).toMatch(
    /^few rows to measure on: 2 dev, 8 test; if half of 8 answers are right, the 95 % interval is 22 % to 78 %\./,
  );
  expect(smallSplitsLine({ dev: 2, test: 300 })).toContain(
    "if half of 2 answers are right, the 95 % interval is 9 % to 91 %",
  );
});

test("splits of a usual size, and those that are left out on purpose, are not", () => {
  expect(smallSplitsLine({ dev: 100, test: 0 })).toBeUndefined();
});
