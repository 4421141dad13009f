import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { EDITS_GRAPHS } from "./edits-graphs.js";
import * as shim from "./load-edited.js";

test("a page replaces every function that loads graphs, and knows that it does not edit them", async () => {
  const original = new URL("../../../../packages/inference/src/graph-edits/load-edited.ts", import.meta.url);
  const text = await readFile(original, "utf8");
  const names = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gmu)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(2);
  expect(Object.keys(shim).sort()).toEqual(names.sort());
  expect(EDITS_GRAPHS).toBe(false);
});
