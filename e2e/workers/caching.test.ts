/** A teacher cache computed by several workers has the same bytes as one from a single machine, even if processes die. */
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "@slm/generation";
import { loadTokenizer } from "@slm/tokenizer";
import type { WorkerShare } from "@slm/extension-workers";
import { execa } from "execa";
import { beforeAll, describe, expect, test } from "vitest";
import { bin } from "../slm-process.js";
import { cacheContents, copyWithoutCache, words, writeRun } from "./cache-run.js";
import { PASSWORD } from "./redis-server.js";
import {
  cacheAlone,
  cacheWith,
  environment,
  jobKeys,
  startOtherWorker,
  startWorker,
  until,
  watchMessages,
  type WorkerProcess,
} from "./worker-process.js";
import { useScene } from "./scene.js";

/** Number of workers that are killed one after the other, at random times; `npm run e2e:workers -- --kills 50` for many. */
const KILLS = Number(process.env.SLM_TEST_KILLS ?? 4);
/** Enough for eight shards of 32,768 target positions. */
const ROWS = 30_000;

const scene = useScene();
const { at, workers } = scene;
let recipe = "";
let expected: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  recipe = await writeRun(at("rows"), words(ROWS, 1));
  await cacheAlone(recipe, at("alone"));
  expected = await cacheContents(at("alone"));
});

/** Directories of a test: its run, its workers' shared storage, and their local copies. */
async function places(
  name: string,
): Promise<{ readonly run: string; readonly storage: string; readonly scratch: string }> {
  const [run, storage, scratch] = [at(name, "run"), at(name, "shared"), at(name, "scratch")];
  await mkdir(storage, { recursive: true });
  await mkdir(scratch, { recursive: true });
  await copyWithoutCache(at("alone"), run);
  return { run, storage, scratch };
}

const cacheByWorkers = (run: string, storage: string): ReturnType<typeof cacheWith> =>
  cacheWith(scene.redis, { recipe, run, storage });

const isWorking = ({ output }: WorkerProcess): boolean => output().includes("done in");

/** Checks that a finished run leaves no jobs, files, locks or unfinished work. */
async function expectNothingLeft(run: string, storage: string): Promise<void> {
  expect(await jobKeys(scene.redis.client)).toEqual([]);
  expect(await scene.redis.client.hlen("{slm}:runs")).toBe(0);
  expect(await readdir(storage)).toEqual([]);
  expect((await readdir(run)).sort()).toEqual(["cache", "data", "teacher", "tokenizer"]);
}

describe("slm teacher cache --workers", () => {
  test("gives the bytes of one machine when a worker is killed at its work and Redis restarts", async () => {
    const { run, storage, scratch } = await places("killed");
    workers.push(...[1, 2, 3].map(() => startWorker(scene.redis, { storage, scratch })));
    const messages = watchMessages(scene.redis.client);
    const caching = cacheByWorkers(run, storage);
    await until("a worker works", () => workers.some(isWorking));
    const killed = workers.find(isWorking)!;
    killed.process.kill("SIGKILL");
    expect(await killed.ended).toBe(null);
    await scene.redis.restart();
    const { exitCode, result, stderr } = await caching;
    expect(exitCode, stderr).toBe(0);
    expect(await cacheContents(run)).toEqual(expected);
    expect(result).not.toHaveProperty("unscored");
    const shares = result["workers"] as readonly WorkerShare[];
    // Every shard was accepted once, from one worker.
    expect(shares.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(8);
    expect(shares.reduce((sum, { units }) => sum + units, 0)).toBe(result["tokens"]);
    for (const { worker } of shares) expect(workers.map(({ output }) => output()).join("")).toContain(worker);
    const { longest, all } = await messages.stop();
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThanOrEqual(4096);
    expect(all + stderr + workers.map(({ output }) => output()).join("")).not.toContain(PASSWORD);
    await expectNothingLeft(run, storage);
  });

  test("finishes the jobs at hand after SIGTERM, and ends with exit code 0", async () => {
    const { run, storage, scratch } = await places("drained");
    const [leaving, staying] = [1, 2].map(() => startWorker(scene.redis, { storage, scratch }));
    workers.push(leaving!, staying!);
    const caching = cacheByWorkers(run, storage);
    await until("it works", () => isWorking(leaving!));
    leaving!.process.kill("SIGTERM");
    expect(await leaving!.ended).toBe(0);
    expect(leaving!.output()).toContain(" 0 tries failed");
    expect((await caching).exitCode).toBe(0);
    expect(staying!.output()).not.toContain("reassigned from");
    expect(await cacheContents(run)).toEqual(expected);
    await expectNothingLeft(run, storage);
  });

  test(`gives the same bytes while ${KILLS} workers are killed at random times`, async () => {
    const { next } = createRandom(KILLS);
    let kills = 0;
    // Starts runs until every kill has interrupted work.
    for (let number = 0; kills < KILLS; number++) {
      const { run, storage, scratch } = await places(`random-${number}`);
      const start = (): WorkerProcess => startWorker(scene.redis, { storage, scratch });
      const crew = [start(), start(), start()];
      workers.push(...crew);
      let isOver = false as boolean;
      const caching = cacheByWorkers(run, storage).finally(() => {
        isOver = true;
      });
      for (;;) {
        await sleep(500 + 1500 * next());
        if (isOver || kills === KILLS) break;
        const place = Math.floor(next() * crew.length);
        crew[place]!.process.kill("SIGKILL");
        kills += 1;
        crew[place] = start();
        workers.push(crew[place]);
      }
      const { exitCode, result, stderr } = await caching;
      expect(exitCode, stderr).toBe(0);
      expect(result).toMatchObject({ pairs: ROWS });
      expect(await cacheContents(run)).toEqual(expected);
      await expectNothingLeft(run, storage);
      for (const { process } of crew) process.kill("SIGKILL");
    }
  });

  test("sets a row aside that ends every process which scores it, and completes the rest", async () => {
    const { run, storage, scratch } = await places("crashing");
    const [source] = words(20, 1).slice(-1) as [string];
    const tokenizer = await loadTokenizer(join(run, "tokenizer"));
    const env = { SLM_TEST_CRASHING_SOURCE: tokenizer.encodeSource(source).join(" ") };
    const program = "crashing-process.mjs";
    workers.push(...[1, 2].map(() => startOtherWorker(scene.redis, { storage, scratch, program }, env)));
    const { exitCode, result, stderr } = await cacheByWorkers(run, storage);
    expect(exitCode, stderr).toBe(0);
    expect(result).toMatchObject({ unscored: 1, pairs: ROWS - 1 });
    const unscored = await readFile(join(run, "cache", "teacher-unscored.jsonl"), "utf8");
    expect(JSON.parse(unscored)).toMatchObject({
      source,
      reason: expect.stringContaining("SIGKILL") as string,
    });
    // All shards except the changed row's equal those of one machine.
    const made = await cacheContents(run);
    const shards = Object.keys(expected).filter((name) => name.startsWith("shard-"));
    expect(shards).toHaveLength(8);
    expect(shards.filter((name) => made[name] !== expected[name])).toHaveLength(1);
    await expectNothingLeft(run, storage);
  });
});

describe("slm worker", () => {
  test("shows itself in slm worker --status, through TLS too, and only with a certificate that is trusted", async () => {
    const { storage, scratch } = await places("status");
    const worker = startWorker(scene.redis, { storage, scratch });
    workers.push(worker);
    await until("it is ready", () => worker.output().includes(" at once with "));
    const status = async (
      more: NodeJS.ProcessEnv,
    ): Promise<{ readonly stdout: string; readonly exitCode: number | undefined }> => {
      const { stdout, exitCode } = await execa(
        process.execPath,
        [bin, "worker", "--status", "--redis", scene.redis.tlsUrl, "--json"],
        { env: environment(more), reject: false },
      );
      return { stdout, exitCode };
    };
    const trusted = await status({ NODE_EXTRA_CA_CERTS: scene.redis.authority });
    const { result } = JSON.parse(trusted.stdout) as {
      result: { workers: { pid: number }[]; jobs: object };
    };
    expect(result.jobs).toMatchObject({ waiting: 0, active: 0, failed: 0 });
    const own = result.workers.find(({ pid }) => pid === worker.process.pid);
    expect(own).toMatchObject({ state: "ready", done: 0, active: [], threads: 1, concurrency: 1 });
    expect((await status({})).exitCode).toBe(69);
    expect(
      (await status({ NODE_EXTRA_CA_CERTS: scene.redis.authority, SLM_REDIS_PASSWORD: "wrong" })).exitCode,
    ).toBe(69);
    expect((await stat(storage)).isDirectory()).toBe(true);
  });
});
