/** A Redis and single-threaded workers for measurements; `npm run build` comes first. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../install/environment.mjs";

const bin = join(import.meta.dirname, "..", "..", "..", "apps", "cli", "bin", "run.js");

/** Runs a command of slm. @returns what it prints with --json */
export const slm = (...argv) =>
  JSON.parse(
    execFileSync(process.execPath, [bin, ...argv, "--json", "--quiet"], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    }),
  ).result;

/** Starts Debian's Redis, append-only. @param root where it and its workers keep files */
export async function startQueue(root) {
  const port = await freePort();
  const directory = join(root, "redis");
  await mkdir(directory);
  const argv = ["--port", String(port), "--dir", directory, "--appendonly", "yes", "--save", ""];
  const redis = spawn("redis-server", argv, { stdio: "ignore" });
  const url = `redis://127.0.0.1:${port}`;
  const workers = [];
  await sleep(500);
  return {
    url,
    status: () => slm("worker", "--status", "--redis", url).workers,
    /** Starts workers with one thread each, and waits until they are ready. */
    startWorkers: async (count, storage) => {
      const flags = [
        "--redis",
        url,
        "--storage",
        storage,
        "--scratch",
        join(root, "scratch"),
        "--threads",
        "1",
      ];
      for (let worker = 0; worker < count; worker++)
        workers.push(spawn(process.execPath, [bin, "worker", ...flags, "--quiet"], { stdio: "ignore" }));
      while (
        slm("worker", "--status", "--redis", url).workers.filter(({ done }) => done === 0).length < count
      )
        await sleep(200);
    },
    stopWorkers: async () => {
      for (const worker of workers) worker.kill("SIGTERM");
      await Promise.all(workers.splice(0).map((worker) => once(worker, "exit")));
    },
    stop: async () => {
      for (const worker of workers) worker.kill("SIGKILL");
      redis.kill("SIGTERM");
      await once(redis, "exit");
    },
  };
}
