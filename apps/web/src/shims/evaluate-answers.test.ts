import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as shim from "./evaluate-answers.js";

test("a page replaces the evaluation with an error", async () => {
  const original = new URL(
    "../../../../packages/inference/src/evaluate/evaluate-answers.ts",
    import.meta.url,
  );
  const text = await readFile(original, "utf8");
  const names = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gmu)].map(([, name]) => name);
  expect(Object.keys(shim)).toEqual(names);
  await expect(shim.evaluateAnswers()).rejects.toMatchObject({ code: "OP_UNSUPPORTED" });
});
