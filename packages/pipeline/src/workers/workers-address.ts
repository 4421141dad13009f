/** Where workers are found: the queue and the storage that they share. Neither changes a result. */
import { SlmError } from "@slm/core/errors";
import type { JobRunner, ObjectStore, RedisAddress } from "@slm/extension-workers";
import type { Compute } from "../compute/compute.js";

export interface WorkersAddress {
  readonly redis: RedisAddress;
  /** A directory, or `s3://bucket/prefix`. */
  readonly storage: string;
  /** Signs jobs and their results, see `requireTrust`; undefined: neither is signed. */
  readonly key: string | undefined;
}

/** Reads `--workers`, `--storage` and `--insecure`. @throws SlmError USAGE, also for a Redis that others can write to; CONFIG_INVALID */
export async function workersOf(
  {
    workers,
    storage,
    insecure = false,
  }: {
    readonly workers?: string | undefined;
    readonly storage?: string | undefined;
    readonly insecure?: boolean | undefined;
  },
  note: (text: string) => void,
): Promise<WorkersAddress | undefined> {
  if (workers === undefined) return undefined;
  if (storage === undefined)
    throw new SlmError("USAGE", "--workers needs --storage", { suggestions: ["--storage DIR"] });
  const { redisAddress, requireTrust } = await import("@slm/extension-workers");
  const redis = redisAddress(workers);
  return { redis, storage, key: requireTrust(redis, { insecure, note }) };
}

/** @throws SlmError USAGE for a device other than the CPU: workers train and score on the CPUs of their own machines */
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

/** Runs `body` with a connection to the workers, which is closed afterwards. @throws SlmError DEVICE_UNAVAILABLE, INPUT_MISSING */
export async function withWorkers<Result>(
  { redis, storage, key }: WorkersAddress,
  body: (runner: JobRunner, store: ObjectStore) => Promise<Result>,
): Promise<Result> {
  const { JobRunner, openStore, requireRedis } = await import("@slm/extension-workers");
  await requireRedis(redis);
  const store = await openStore(storage);
  const runner = new JobRunner(redis, store, key);
  try {
    return await body(runner, store);
  } finally {
    await runner.close();
    store.close();
  }
}
