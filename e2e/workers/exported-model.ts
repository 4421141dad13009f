/** An exported student with a few thousand weights, for evaluations and quantizations in tests. */
import { readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { bin } from "../slm-process.js";
import { shape } from "./cache-run.js";
import { environment } from "./worker-process.js";

const training = {
  steps: 20,
  batchSize: 16,
  warmupSteps: 4,
  buckets: 1,
  evaluateEvery: 20,
  evaluateRows: 2,
};

/** Adds a student that learns from labels to a recipe. */
export async function withStudent(recipe: string, sections: object = {}): Promise<void> {
  const { data } = JSON.parse(await readFile(recipe, "utf8")) as { data: object };
  const loss = { forwardKl: 0, crossEntropy: 1 };
  const distill = { student: { ...shape, encoderLayers: 1 }, loss, ...training, metrics: ["per"] };
  await writeFile(recipe, JSON.stringify({ data, tokenizer: {}, distill, ...sections }));
}

/** Trains the student of a recipe and exports it. @param recipe as `writeRun` wrote it */
export async function writeModel(recipe: string, run: string, model: string): Promise<void> {
  await withStudent(recipe);
  const slm = (...argv: readonly string[]): Promise<unknown> =>
    execa(process.execPath, [bin, ...argv, "--quiet"], { env: environment() });
  await slm("distill", recipe, "--out", run, "--threads", "1");
  await slm("export", `${run}/distill`, "--target", "cpu", "-o", model);
}
