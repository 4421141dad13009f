import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as shim from "./token-graphs.js";

test("a page replaces the function that opens token graphs, and opens none", async () => {
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
