/** A distillation by replicas on several workers: the bits of one machine, whatever ends on the way. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@slm/core";
import type { WorkerShare } from "@slm/workers";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { bin } from "../slm-process.js";
import { shape, words, writeRun } from "./cache-run.js";
import { environment, startWorker, until, watchMessages, type WorkerProcess } from "./worker-process.js";
import { useScene } from "./scene.js";

const scene = useScene("replicas");
const { at, workers } = scene;
let recipe = "";

beforeAll(async () => {
  recipe = await writeRun(at("rows"), words(400, 1));
  const distill = {
    student: { ...shape, encoderLayers: 1 },
    replicas: { count: 2, innerSteps: 100, warmupSteps: 100 },
    ...{
      steps: 300,
      batchSize: 16,
      warmupSteps: 20,
      buckets: 1,
      evaluateEvery: 100,
      evaluateRows: 2,
      metrics: ["per"],
    },
  };
  await writeFile(
    recipe,
    JSON.stringify({ ...(JSON.parse(await readFile(recipe, "utf8")) as object), distill }),
  );
  await execa(process.execPath, [bin, "distill", recipe, "--out", at("alone"), "--threads", "1", "--quiet"]);
});

const weights = async (run: string): Promise<string> =>
  sha256(await readFile(join(run, "distill", "model.safetensors")));

interface Rounds {
  readonly rounds: number;
  readonly warmupSteps: number;
  readonly trafficBytes: number;
  readonly gradientTrafficBytes: number;
}

test("gives the weights of one machine when a worker is killed in a round and Redis restarts", async () => {
  const [run, storage, scratch] = [at("run"), at("shared"), at("scratch")];
  for (const directory of [run, storage]) await mkdir(directory, { recursive: true });
  for (const stage of ["data", "tokenizer", "teacher", "cache"])
    await execa("cp", ["-r", at("alone", stage), join(run, stage)]);
  workers.push(...[1, 2, 3].map(() => startWorker(scene.redis, { storage, scratch })));
  const messages = watchMessages(scene.redis.client);
  const argv = ["distill", recipe, "--out", run, "--threads", "1", "--json"];
  const distilling = execa(
    process.execPath,
    [bin, ...argv, "--workers", scene.redis.url, "--storage", storage],
    {
      env: environment(),
      reject: false,
    },
  );
  const isDone = ({ output }: WorkerProcess): boolean => output().includes("round-1-replica");
  await until("a replica is trained", () => workers.some(isDone));
  const killed = workers.find(isDone)!;
  killed.process.kill("SIGKILL");
  await killed.ended;
  await scene.redis.restart();
  const { exitCode, stdout, stderr } = await distilling;
  expect(exitCode, stderr).toBe(0);
  expect(await weights(run)).toBe(await weights(at("alone")));
  const { rounds, workers: shares } = (
    JSON.parse(stdout) as { result: { rounds: Rounds; workers: readonly WorkerShare[] } }
  ).result;
  // After 100 steps of one machine, two rounds of two replicas of 100 steps, and two averages.
  expect(shares.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(6);
  expect(shares.reduce((sum, { units }) => sum + units, 0)).toBe(400);
  const page = await readFile(join(run, "distill", "report.html"), "utf8");
  for (const { worker } of shares) expect(page).toContain(worker);
  expect(rounds).toMatchObject({ rounds: 2, warmupSteps: 100 });
  // 100 steps a round: 8 bytes per weight and replica at each, against at most 32 and the average's share a round.
  expect(rounds.gradientTrafficBytes / rounds.trafficBytes).toBeGreaterThan(15);
  expect((await messages.stop()).longest).toBeLessThanOrEqual(4096);
  expect(await readdir(storage)).toEqual([]);
  expect(await scene.redis.client.keys("*replica*")).toEqual([]);
});
