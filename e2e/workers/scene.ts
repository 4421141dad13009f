/** Shared resources of a file's tests: a folder, a Redis, and the started workers. */
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startRedis, type RedisServer } from "./redis-server.js";
import type { WorkerProcess } from "./worker-process.js";

export interface Scene {
  /** A path in the folder. */
  readonly at: (...names: readonly string[]) => string;
  readonly redis: RedisServer;
  /** Killed after each test. */
  readonly workers: WorkerProcess[];
}

/** Creates the folder and the Redis before a file's tests, and removes them afterwards. */
export function useScene(): Scene {
  const root = temporaryFolder();
  let redis: RedisServer | undefined;
  const workers: WorkerProcess[] = [];
  const at = (...names: readonly string[]): string => join(root, ...names);
  beforeAll(async () => {
    redis = await startRedis(at("redis"));
  });
  afterEach(async () => {
    for (const { process } of workers) process.kill("SIGKILL");
    await Promise.all(workers.splice(0).map(({ ended }) => ended));
  });
  afterAll(() => redis?.stop());
  return {
    at,
    workers,
    get redis() {
      if (redis === undefined) throw new Error("there is no Redis before the first test");
      return redis;
    },
  };
}
