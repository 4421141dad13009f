/** Two runs of one recipe on one machine produce the same bundle, independently of time, place and speed. */
import { contentHash, readManifest } from "@slm/core";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { beforeAll, expect, test } from "vitest";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";
import { slm } from "./slm-process.js";

const STAGES = ["data", "tokenizer", "teacher", "distill", "export", "quantize"];
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

test("what the stages before it made has the same content, whatever their logs say", async () => {
  for (const stage of STAGES) {
    const [one, two] = await Promise.all(runs.map((out) => readManifest(join(out, stage))));
    expect(contentHash(two!), stage).toBe(contentHash(one!));
  }
  const logs = await Promise.all(runs.map((out) => readFile(join(out, "distill", "metrics.jsonl"), "utf8")));
  expect(logs[1]).not.toBe(logs[0]);
});

test("a card that is asked for measurements has them, and no other stage runs again", async () => {
  const [out = "", other = ""] = runs;
  const { stages } = await slm("run", recipeOf(out), "--out", out, "--set", "deploy.measurements=true");
  expect(stages).toMatchObject([
    ...[...STAGES, "bench"].map((name) => ({ name, status: "skipped" })),
    { name: "deploy", status: "ran" },
  ]);
  const card = (run: string): Promise<string> => readFile(join(run, "deploy", "README.md"), "utf8");
  expect(await card(out)).toContain("Measured on");
  expect(await card(other)).toContain("they differ from run to run");
});
