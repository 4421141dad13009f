/** Evaluation by several workers produces the metrics and predictions of one machine. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { bin } from "../slm-process.js";
import { lines, words, writeRun } from "./cache-run.js";
import { writeModel } from "./exported-model.js";
import { environment, startWorker, until, watchMessages, type WorkerProcess } from "./worker-process.js";
import { useScene } from "./scene.js";

/** Four chunks of 2,048 rows. */
const ROWS = 7000;

const scene = useScene("evaluation");
const { at, workers } = scene;

beforeAll(async () => {
  await writeModel(await writeRun(at("rows"), words(400, 1)), at("run"), at("model"));
  await writeFile(at("rows.jsonl"), lines(words(ROWS, 3)));
});

/** Runs `slm eval`. @returns its result without times and paths, and the predictions */
async function evaluate(name: string, ...more: readonly string[]): Promise<object> {
  const output = at(`${name}.jsonl`);
  const argv = [
    "eval",
    at("model"),
    "--data",
    at("rows.jsonl"),
    "--metrics",
    "per,perplexity",
    "--output",
    output,
  ];
  const { stdout } = await execa(process.execPath, [bin, ...argv, "--threads", "1", "--json", ...more], {
    env: environment(),
  });
  const { result } = JSON.parse(stdout) as { result: object };
  return { ...result, seconds: 0, predictions: await readFile(output, "utf8") };
}

test("slm eval --workers gives the metrics, intervals and predictions of one machine when a worker is killed", async () => {
  const alone = await evaluate("alone");
  expect(alone).toMatchObject({ n: ROWS, confidence: { mean: expect.any(Number) as number } });
  const [storage, scratch] = [at("shared"), at("scratch")];
  await mkdir(storage);
  // One worker connects with TLS and trusts the certificate authority.
  const secure = { ...scene.redis, url: scene.redis.tlsUrl };
  workers.push(
    startWorker(scene.redis, { storage, scratch }),
    startWorker(secure, { storage, scratch }, { NODE_EXTRA_CA_CERTS: scene.redis.authority }),
  );
  const messages = watchMessages(scene.redis.client);
  const evaluating = evaluate("shared", "--workers", scene.redis.url, "--storage", storage);
  const isDone = ({ output }: WorkerProcess): boolean => /chunk-\d+: done/u.test(output());
  await until("a chunk is answered", () => workers.some(isDone));
  await until("both work", () => workers.every(({ output }) => output().includes("worker ")));
  workers[0]!.process.kill("SIGKILL");
  expect(await evaluating).toEqual(alone);
  expect(isDone(workers[1]!)).toBe(true);
  const { longest } = await messages.stop();
  expect(longest).toBeGreaterThan(0);
  expect(longest).toBeLessThanOrEqual(4096);
  expect(await readdir(storage)).toEqual([]);
});

test("slm eval --workers refuses a device that is not the workers' CPU", async () => {
  const argv = [
    "eval",
    at("model"),
    "--data",
    at("rows.jsonl"),
    "--metrics",
    "per",
    "--device",
    "gpu",
    "--json",
  ];
  const flags = ["--workers", scene.redis.url, "--storage", at("shared")];
  const { exitCode, stdout } = await execa(process.execPath, [bin, ...argv, ...flags], {
    env: environment(),
    reject: false,
  });
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { suggestions: ["--device cpu", "leave --workers out"] },
  });
});
