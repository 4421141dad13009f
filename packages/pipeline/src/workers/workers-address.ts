/** The address of workers: the queue and the storage that they share. Neither changes results. */
import { SlmError } from "@slm/core/errors";
import type { JobRunner, DirectoryStore, RedisAddress } from "@slm/extension-workers";
import type { Compute } from "@slm/models/compute";

export interface WorkersAddress {
  readonly redis: RedisAddress;
  /** A directory that all workers share. */
  readonly storage: string;
  /** Key that signs jobs and their results, see `requireTrust`. Undefined: they are not signed. */
  readonly key: string | undefined;
}

/** The flags that name workers. */
export interface WorkersFlags {
  readonly workers?: string | undefined;
  readonly storage?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/** Reads `--workers`, `--storage` and `--insecure`. @throws SlmError USAGE, also if others can write to the Redis server; CONFIG_INVALID */
export async function workersOf(
  { workers, storage, insecure = false }: WorkersFlags,
  note: (text: string) => void,
): Promise<WorkersAddress | undefined> {
  if (workers === undefined) return undefined;
  if (storage === undefined)
    throw new SlmError("USAGE", "--workers needs --storage", { suggestions: ["--storage DIR"] });
  const { redisAddress, requireTrust } = await import("@slm/extension-workers");
  const redis = redisAddress(workers);
  return { redis, storage, key: requireTrust(redis, { insecure, note }) };
}

/** @throws SlmError USAGE for a device other than the CPU, because workers train and score on the CPUs of their machines */
export function requireCpuOfWorkers({ device = "cpu" }: Compute): void {
  if (device === "cpu") return;
  throw new SlmError(
    "USAGE",
    `--workers: expected device cpu, because workers compute on their CPUs, got ${device}`,
    {
      suggestions: ["leave --workers out", "leave --device out"],
    },
  );
}

/** Connects to the workers, runs `body` and closes the connection afterwards. @throws SlmError DEVICE_UNAVAILABLE, INPUT_MISSING */
export async function withWorkers<Result>(
  { redis, storage, key }: WorkersAddress,
  body: (runner: JobRunner, store: DirectoryStore) => Promise<Result>,
): Promise<Result> {
  const { JobRunner, DirectoryStore, requireRedis } = await import("@slm/extension-workers");
  await requireRedis(redis);
  const store = await DirectoryStore.open(storage);
  const runner = new JobRunner(redis, store, key);
  try {
    return await body(runner, store);
  } finally {
    await runner.close();
  }
}
