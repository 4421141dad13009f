import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { isMetricName, METRICS } from "@slm/metrics";
import { TRACKERS } from "@slm/report";
import { LOSS_TERMS } from "@slm/distillation/loss-terms";
import { LABELLERS } from "@slm/labelling/labeller-kinds";
import { afterAll, beforeAll, expect, test } from "vitest";
import { provideLibrary } from "@slm/core/library";
import { useExtension, useExtensions } from "@slm/extensions";
import { useConfigFile } from "./use-config-file.js";
import { openExternal } from "@slm/models/published";

// The examples of docs/how-to/extend.md. tools/install also runs them with the packed package.
const EXAMPLES = join(import.meta.dirname, "../../../../tools/install");

const folder = temporaryFolder();
beforeAll(() => {
  // Other test files in this process may have provided another library.
  provideLibrary(() => import("../index.js"));
});
afterAll(() => {
  for (const name of ["same-start", "csv-tracker", "json-model", "total-variation", "glossary"])
    useExtension({ name });
});

test("a file of a recipe adds a metric", async () => {
  await useExtensions(["extension-metric.ts"], EXAMPLES);
  const [name] = ["sameStart"].filter(isMetricName);
  expect(METRICS[name!].compute(["a b", "c"], [["a"], ["d"]])).toBe(0.5);
});

test("slm.config.ts of a directory adds a tracker; one in an artifact is not loaded", async () => {
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  await useConfigFile(folder, note);
  expect(TRACKERS.has("csv")).toBe(false);
  await cp(join(EXAMPLES, "extension-tracker.ts"), join(folder, "extension-tracker.ts"));
  await writeFile(
    join(folder, "slm.config.ts"),
    'import csv from "./extension-tracker.js"; export default [csv];',
  );
  await writeFile(join(folder, "manifest.json"), "{}");
  await useConfigFile(folder, note);
  expect([TRACKERS.has("csv"), notes]).toEqual([false, [expect.stringContaining("is not loaded")]]);
  await rm(join(folder, "manifest.json"));
  await useConfigFile(folder, note);
  expect(notes).toHaveLength(1);
  const values = new Map([["loss", 2]]);
  const run = {
    name: "a",
    identity: "a",
    settings: {},
    endedAt: 1,
    isFinished: true,
    log: { records: [{ step: 7, wallTime: 1, values }], unreadable: 0 },
    results: { "test.wer": 0.25 },
  };
  const file = join(folder, "runs.csv");
  const target = { to: file, experiment: "e", environment: {}, signal: new AbortController().signal };
  expect(await TRACKERS.get("csv")!.record(run, target)).toEqual({ file });
  expect(await readFile(file, "utf8")).toBe("a,7,test.wer=0.25\n");
});

test("an importer of an extension has precedence over the built-in ones", async () => {
  await useExtensions(["extension-importer.ts"], EXAMPLES);
  const file = join(folder, "tiny.model.json");
  const tensors = { "model.norm.weight": { shape: [2], values: [1, 2] } };
  await writeFile(file, JSON.stringify({ config: { model_type: "llama" }, tensors, tokenizer: {} }));
  const { checkpoint } = await openExternal(file);
  expect(checkpoint).toMatchObject({ where: file, config: { model_type: "llama" } });
  expect([...(await checkpoint.tensors[0]!.read())]).toEqual([1, 2]);
  await writeFile(file, "{}");
  await expect(openExternal(file)).rejects.toThrow(withCode("DATA_INVALID"));
  // slm itself reads a file that no extension reads.
  await writeFile(join(folder, "other.gguf"), "GGUF");
  await expect(openExternal(join(folder, "other.gguf"))).rejects.toThrow(withCode("DATA_INVALID"));
});

test("a file of a recipe adds a loss term and a labeller", async () => {
  await useExtensions(["extension-loss.ts", "extension-labeller.ts"], EXAMPLES);
  expect(LOSS_TERMS.get("totalVariation")).toMatchObject({ needsDistributions: true });
  const file = join(folder, "words.json");
  await writeFile(file, '{"one":"eins","two":"zwei"}');
  const glossary = LABELLERS.get("glossary")!;
  expect(() => glossary.settings.parse({})).toThrow(withCode("CONFIG_INVALID"));
  const { answer } = await glossary.open({ file });
  const answers = await answer(["two one", "three"], { signal: new AbortController().signal });
  expect(answers).toEqual([{ target: "zwei eins", finished: true }, undefined]);
});
