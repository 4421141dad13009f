/** Two runs of one recipe on one machine produce the same bundle, independently of time, place and speed. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import { slm } from "./slm-process.js";

const BENCH = { runs: 2 };

const root = temporaryFolder();
/** Directories of the runs, each next to its recipe. */
let runs: readonly string[] = [];
const recipeOf = (out: string): string => join(out, "..", "r.yaml");
beforeAll(async () => {
  runs = ["one", "two"].map((name) => join(root, name, "run"));
  for (const out of runs) {
    const folder = join(out, "..");
    await writeTinyRecipe(folder, { ...tinyRecipe(folder), bench: BENCH });
    await slm("run", recipeOf(out), "--out", out);
  }
}, 300_000);

test("two undisturbed runs give the same bytes of every file in the bundle, its manifest and card included", async () => {
  const [one, two] = runs.map((out) => join(out, "deploy"));
  const names = (await readdir(one!)).sort();
  expect((await readdir(two!)).sort()).toEqual(names);
  expect(names).toEqual(expect.arrayContaining(["README.md", "manifest.json", "model.json"]));
  for (const name of names) {
    const [first, second] = [await readFile(join(one!, name)), await readFile(join(two!, name))];
    expect(second.equals(first), name).toBe(true);
  }
});
