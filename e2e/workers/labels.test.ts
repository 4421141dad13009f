/** Labels by several workers: from a model, and from an API with shared rate limits and a shared budget. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { redisAddress, SharedRequestLimits } from "@slm/extension-workers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startFakeApi,
  type FakeApi,
} from "../../packages/labelling/src/test-support/fake-api.test-support.js";
import { bin } from "../slm-process.js";
import { copyWithoutCache, words, writeRun } from "./cache-run.js";
import { PASSWORD } from "./redis-server.js";
import { cacheAlone, cacheWith, environment, startWorker, watchMessages } from "./worker-process.js";
import { useScene } from "./scene.js";

/** Three blocks of 512 sources. */
const SOURCES = 1200;
const KEY = "a-key-for-these-tests";

/** Tokens that the server says an answer costs, and the upper bound of a request: six letters, the template, and the longest target. */
const ANSWER_TOKENS = 10;
const BOUND_TOKENS = 6 + 8 + 128 + 256;
/** The budget that this many requests use up: the next one could exceed it. */
const budgetOf = (requests: number): number => (requests - 1) * ANSWER_TOKENS + BOUND_TOKENS;

const scene = useScene();
const { at, workers } = scene;
let api: FakeApi;

beforeAll(async () => {
  api = await startFakeApi(({ asked }) => ({
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: Array.from(asked.toUpperCase()).join(" ") },
        finish_reason: "stop",
      },
    ],
    usage: { prompt_tokens: 6, completion_tokens: 4, total_tokens: 10 },
  }));
});
afterAll(async () => {
  await api.close();
});

/** A recipe with sources to label. @param teacher its section */
async function labelRecipe(name: string, changes: Readonly<Record<string, object>>): Promise<string> {
  const path = await writeRun(at(name), words(200, 1));
  const file = at(name, "unlabelled.jsonl");
  await writeFile(
    file,
    words(SOURCES, 2)
      .map((source) => `${JSON.stringify({ source })}\n`)
      .join(""),
  );
  const recipe = JSON.parse(await readFile(path, "utf8")) as { data: object };
  await writeFile(
    path,
    JSON.stringify({ ...recipe, data: { ...recipe.data, unlabelled: { path: file } }, ...changes }),
  );
  return path;
}

async function startWorkers(count: number, name: string): Promise<string> {
  const [storage, scratch] = [at(name, "shared"), at(name, "scratch")];
  const allowing = [bin, "worker", "--api-key-env", `SLM_TEST_KEY=${new URL(api.baseUrl).origin}`];
  await mkdir(storage, { recursive: true });
  for (let worker = 0; worker < count; worker++)
    workers.push(startWorker(scene.redis, { storage, scratch, program: allowing }, { SLM_TEST_KEY: KEY }));
  return storage;
}

const labelled = (run: string): Promise<string> =>
  readFile(join(run, "cache", "teacher-labelled.jsonl"), "utf8");

describe("slm teacher cache --workers", () => {
  test("gives the labels of one machine", async () => {
    const recipe = await labelRecipe("model", { cache: { k: 8, unlabelled: { minScore: "none" } } });
    const alone = at("model", "alone");
    await cacheAlone(recipe, alone);
    const run = at("model", "run");
    await copyWithoutCache(alone, run);
    const storage = await startWorkers(2, "model");
    const { exitCode, stderr } = await cacheWith(scene.redis, { recipe, run, storage });
    expect(exitCode, stderr).toBe(0);
    expect(await labelled(run)).toBe(await labelled(alone));
    expect((await readdir(join(run, "cache"))).sort()).toEqual((await readdir(join(alone, "cache"))).sort());
    expect(await readdir(storage)).toEqual([]);
  });

  test("asks a server within one budget, pays for no answer twice, and goes on with a higher budget", async () => {
    const teacher = {
      kind: "api",
      baseUrl: api.baseUrl,
      model: "capitals",
      apiKeyEnv: "SLM_TEST_KEY",
      concurrency: 4,
    };
    const recipe = await labelRecipe("server", {
      teacher,
      cache: { distributions: "none", unlabelled: { minScore: "none" } },
    });
    const run = at("server", "run");
    const storage = await startWorkers(3, "server");
    const messages = watchMessages(scene.redis.client);
    const env = { SLM_TEST_KEY: KEY };
    const poor = await cacheWith(
      scene.redis,
      { recipe, run, storage, set: [`teacher.budget=${budgetOf(700)}`] },
      env,
    );
    expect(poor.exitCode, JSON.stringify(poor.error)).toBe(3);
    expect(poor.error).toMatchObject({ code: "BUDGET_EXCEEDED" });
    expect(api.calls.length).toBe(700);
    const rich = await cacheWith(
      scene.redis,
      { recipe, run, storage, set: [`teacher.budget=${budgetOf(SOURCES)}`] },
      env,
    );
    expect(rich.exitCode, rich.stderr).toBe(0);
    expect(rich.result).toMatchObject({ labelled: { sources: SOURCES, kept: SOURCES } });
    expect(api.calls.length).toBe(SOURCES);
    expect(new Set(api.calls.map(({ asked }) => asked)).size).toBe(SOURCES);
    const lines = (await labelled(run)).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { source: string }).source)).toEqual([
      ...words(SOURCES, 2),
    ]);
    const { longest, all } = await messages.stop();
    expect(longest).toBeLessThanOrEqual(4096);
    const written = all + poor.stderr + rich.stderr + workers.map(({ output }) => output()).join("");
    expect(written).not.toContain(KEY);
    expect(written).not.toContain(PASSWORD);
    expect(await readdir(storage)).toEqual(["answers"]);
    expect(await scene.redis.client.keys("*budget*")).toEqual([]);
    expect(environment()).not.toHaveProperty("SLM_TEST_KEY");
  });
});

describe(SharedRequestLimits, () => {
  const limitsOf = (run: string, limit?: number): SharedRequestLimits =>
    new SharedRequestLimits(
      redisAddress(scene.redis.url, { SLM_REDIS_PASSWORD: PASSWORD }),
      { server: run, run },
      limit,
    );

  test("holds all machines back while a server asks one of them to wait", async () => {
    const [one, two] = [1, 2].map(() => limitsOf("pause"));
    await one!.pause(700);
    const began = performance.now();
    await two!.start(AbortSignal.timeout(5000));
    expect(performance.now() - began).toBeGreaterThan(500);
    one!.close();
    two!.close();
  });

  test("counts a request once, keeps room for running ones, and reserves nothing beyond the budget", async () => {
    const [one, two] = [1, 2].map(() => limitsOf("budget", 100));
    const bound = { input: 30, output: 20 };
    const first = await one!.reserve(bound);
    if (first === undefined) throw new Error("no room");
    await two!.count("paid before", { input: 10, output: 5 });
    await one!.count("paid before", { input: 10, output: 5 });
    expect(one!.spent).toEqual({ requests: 1, input: 10, output: 5 });
    // 15 tokens are spent and 50 reserved, so the second request waits until the first is settled with 20.
    const second = two!.reserve(bound);
    await one!.settle(first, "first", { input: 15, output: 5 });
    expect(await second).toBeTypeOf("string");
    await one!.count("first", { input: 15, output: 5 });
    expect(one!.spent).toEqual({ requests: 2, input: 25, output: 10 });
    expect(await one!.reserve({ input: 66, output: 0 })).toBeUndefined();
    one!.close();
    two!.close();
  });
});
