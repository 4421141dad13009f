/** A sweep on several workers produces the numbers of one machine. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { expect, test } from "vitest";
import { bin } from "../slm-process.js";
import { shape, words, writeRun } from "./cache-run.js";
import { environment, startWorker } from "./worker-process.js";
import { useScene } from "./scene.js";

const STEPS = 64;

interface Result {
  readonly best: {
    readonly trial: number;
    readonly settings: object;
    readonly metrics: Readonly<Record<string, number>>;
  };
  readonly trials: readonly {
    readonly trial: number;
    readonly measured: readonly { readonly steps: number }[];
  }[];
  readonly rungs: readonly { readonly steps: number; readonly trials: number }[];
  readonly steps: number;
  readonly report: string;
}

const scene = useScene("sweep");
const { at, workers } = scene;

test("slm sweep gives the same best setting and numbers on three workers as on one machine, and stops bad trials early", async () => {
  const recipe = await writeRun(at("rows"), words(400, 1));
  const { data } = JSON.parse(await readFile(recipe, "utf8")) as { data: object };
  const loss = { forwardKl: 0, crossEntropy: 1 };
  const training = {
    steps: STEPS,
    batchSize: 16,
    warmupSteps: 4,
    buckets: 1,
    evaluateEvery: STEPS,
    evaluateRows: 2,
  };
  const distill = {
    student: { ...shape, encoderLayers: 1 },
    loss,
    ...training,
    metrics: ["per", "exactMatch"],
  };
  await writeFile(recipe, JSON.stringify({ data, tokenizer: {}, distill }));
  const vary = [
    "--vary",
    "distill.learningRate=1e-6,1e-3,1e-2,3e-2",
    "--vary",
    "distill.weightDecay=0,0.01,0.1,1",
  ];
  const sweep = async (...more: readonly string[]): Promise<Result> => {
    const argv = ["sweep", recipe, ...vary, "--threads", "1", "--json", ...more];
    const { stdout } = await execa(process.execPath, [bin, ...argv], { env: environment() });
    return (JSON.parse(stdout) as { result: Result }).result;
  };
  const alone = await sweep("--out", at("alone"));
  expect(alone.rungs).toEqual([
    { steps: 4, trials: 16 },
    { steps: 16, trials: 4 },
    { steps: 64, trials: 1 },
  ]);
  expect(alone.steps).toBe(12 * 4 + 3 * 16 + 64);
  const [storage, scratch] = [at("shared"), at("scratch")];
  await mkdir(storage);
  workers.push(...[1, 2, 3].map(() => startWorker(scene.redis, { storage, scratch })));
  const shared = await sweep("--out", at("run"), "--workers", scene.redis.url, "--storage", storage);
  expect({ ...shared, report: "" }).toEqual({ ...alone, report: "" });
  const page = await readFile(shared.report, "utf8");
  expect(page).toBe(await readFile(alone.report, "utf8"));
  expect(page).toContain(`trial ${alone.best.trial}`);
  expect(page).toContain("<svg");
  expect(await readdir(storage)).toEqual([]);
  expect((await readdir(at("alone", "sweep"))).sort()).toEqual(["sweep.html", "sweep.json"]);
});
