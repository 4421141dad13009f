import { expect, test } from "vitest";
// The shim replaces this very file, so the test reads it where it is.
// eslint-disable-next-line @nx/enforce-module-boundaries
import * as original from "../../../../packages/inference/src/graph-edits/load-edited.js";
import * as shim from "./load-edited.js";

test("a page has a stand-in for every function that loads graphs, and knows that it edits none", () => {
  expect(Object.keys(shim).sort()).toEqual(Object.keys(original).sort());
  expect(original.EDITS_GRAPHS).toBe(true);
  expect(shim.EDITS_GRAPHS).toBe(false);
});
