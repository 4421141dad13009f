import { expect, test } from "vitest";
import { devFractionFor } from "./dev-share.js";

test.each([
  [10, 0.1],
  [1000, 0.1],
  [2450, 0.1],
  [3965, 0.07],
  [12_000, 0.03],
  [12_250, undefined],
  [100_000, undefined],
])("of %i rows the dev split gets this share: %o", (rows, share) => {
  expect(devFractionFor(rows)).toBe(share);
});
