/** Runs workers as processes, and records what Redis contains meanwhile. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Redis } from "ioredis";
import { bin } from "../slm-process.js";
import { PASSWORD, type RedisServer } from "./redis-server.js";

/** Signs the jobs of these tests. */
const WORKER_KEY = "a key for these tests, of more than 32 characters";

export interface WorkerProcess {
  readonly process: ChildProcess;
  /** Its output so far. */
  readonly output: () => string;
  /** Resolves with the exit code; null after a signal. */
  readonly ended: Promise<number | null>;
}

export const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  SLM_REDIS_PASSWORD: PASSWORD,
  SLM_WORKER_KEY: WORKER_KEY,
  NO_COLOR: "1",
  ...more,
});

/** Starts a worker that takes over jobs after two seconds. @param program replaces `slm worker`; it has the same flags */
export function startWorker(
  redis: RedisServer,
  {
    storage,
    scratch,
    program = [bin, "worker"],
  }: {
    readonly storage: string;
    readonly scratch: string;
    readonly program?: readonly string[] | undefined;
  },
  env: NodeJS.ProcessEnv = {},
): WorkerProcess {
  const flags = ["--redis", redis.url, "--storage", storage, "--scratch", scratch, "--threads", "1"];
  const child = spawn(process.execPath, [...program, ...flags, "--takeover-after", "2"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(env),
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { process: child, output: () => text, ended };
}

/** Starts a worker with another job process than `slm worker`. @param program a file in this folder */
export function startOtherWorker(
  redis: RedisServer,
  { program, ...places }: { readonly storage: string; readonly scratch: string; readonly program: string },
  env: NodeJS.ProcessEnv = {},
): WorkerProcess {
  const worker = join(import.meta.dirname, "other-worker.mjs");
  return startWorker(redis, { ...places, program: [worker] }, { ...env, SLM_TEST_PROCESS: program });
}

/** Computes a recipe's teacher cache only on this machine. */
export async function cacheAlone(recipe: string, out: string): Promise<void> {
  const argv = [bin, "teacher", "cache", recipe, "--out", out, "--threads", "1", "--quiet"];
  await execa(process.execPath, argv, { env: environment() });
}

/** Waits until a condition is true. @throws Error after a minute */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    if (await isSo()) return;
    await sleep(50);
  }
  throw new Error(`not within a minute: ${what}`);
}

/** Records everything that jobs store in Redis. */
export function watchMessages(client: Redis): {
  stop(): Promise<{ readonly longest: number; readonly all: string }>;
} {
  let isOver = false as boolean;
  let longest = 0;
  const seen = new Set<string>();
  const watching = (async () => {
    while (!isOver) {
      for (const key of await client.keys("*")) {
        if ((await client.type(key)) !== "hash") continue;
        for (const value of Object.values(await client.hgetall(key))) {
          longest = Math.max(longest, Buffer.byteLength(value));
          seen.add(value);
        }
      }
      await sleep(100);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await watching;
      return { longest, all: [...seen].join("\n") };
    },
  };
}

export const jobKeys = async (client: Redis): Promise<readonly string[]> =>
  (await client.keys("*-shard-*")).filter((key) => !key.includes("metrics"));

export interface Cached {
  readonly exitCode: number | null;
  readonly result: Readonly<Record<string, unknown>>;
  readonly error: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** Runs `slm teacher cache --workers`. */
export async function cacheWith(
  redis: RedisServer,
  {
    recipe,
    run,
    storage,
    set = [],
  }: {
    readonly recipe: string;
    readonly run: string;
    readonly storage: string;
    readonly set?: readonly string[] | undefined;
  },
  env: NodeJS.ProcessEnv = {},
): Promise<Cached> {
  const argv = ["teacher", "cache", recipe, "--out", run, "--threads", "1", "--json"];
  const flags = ["--workers", redis.url, "--storage", storage, ...set.flatMap((one) => ["--set", one])];
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, ...argv, ...flags], {
    env: environment(env),
    reject: false,
  });
  const parsed = (stdout === "" ? {} : JSON.parse(stdout)) as Partial<Cached>;
  const { result = {}, error = {} } = parsed;
  return { exitCode: exitCode ?? null, result, error, stderr };
}
