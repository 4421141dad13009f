import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as shim from "./token-graphs.js";

test("a page has a stand-in for the function that opens graphs which choose tokens, and opens none", async () => {
  const original = new URL(
    "../../../../packages/inference/src/token-graphs/token-graphs.ts",
    import.meta.url,
  );
  const text = await readFile(original, "utf8");
  const names = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gmu)].map(([, name]) => name);
  expect(Object.keys(shim)).toEqual(names);
  const open: () => unknown = shim.openTokenGraphs;
  expect(open()).toBeUndefined();
});
