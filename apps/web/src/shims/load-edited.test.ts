import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as shim from "./load-edited.js";

test("a page replaces every function that loads graphs", async () => {
  const original = new URL("../../../../packages/inference/src/graph-edits/load-edited.ts", import.meta.url);
  const text = await readFile(original, "utf8");
  const names = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gmu)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(2);
  expect(Object.keys(shim).sort()).toEqual(names.sort());
});
