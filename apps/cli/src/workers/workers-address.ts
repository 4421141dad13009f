/** Where workers are found: the queue and the storage that they share. Neither changes a result. */
import { SlmError } from "@slm/core/errors";
import { Flags } from "@oclif/core";
import type { JobRunner, ObjectStore, RedisAddress } from "@slm/workers";
import type { Compute } from "../compute/compute.js";

export interface WorkersAddress {
  readonly redis: RedisAddress;
  /** A directory, or `s3://bucket/prefix`. */
  readonly storage: string;
}

const storageSummary = "Directory or s3://bucket/prefix that all workers share.";

/** Variable for the flag of that name. */
const STORAGE_VARIABLE = "SLM_WORKER_STORAGE";

export const storageFlag = Flags.string({
  helpValue: "<dir|s3://...>",
  summary: storageSummary,
  env: STORAGE_VARIABLE,
});

/** Flags of commands whose work other machines may do. */
export const workersFlags = {
  workers: Flags.string({
    helpValue: "<redis://...>",
    summary:
      "Have it done by the workers of this Redis ('slm worker'); the password is read from SLM_REDIS_PASSWORD.",
    dependsOn: ["storage"],
    helpGroup: "WORKERS",
  }),
  storage: storageFlag,
};

/** Reads these flags. @throws SlmError USAGE */
export async function workersOf({
  workers,
  storage,
}: {
  readonly workers?: string | undefined;
  readonly storage?: string | undefined;
}): Promise<WorkersAddress | undefined> {
  if (workers === undefined) return undefined;
  if (storage === undefined)
    throw new SlmError("USAGE", "--workers needs --storage", { suggestions: ["--storage DIR"] });
  const { redisAddress } = await import("@slm/workers");
  return { redis: redisAddress(workers), storage };
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
  { redis, storage }: WorkersAddress,
  body: (runner: JobRunner, store: ObjectStore) => Promise<Result>,
): Promise<Result> {
  const { JobRunner, openStore, requireRedis } = await import("@slm/workers");
  await requireRedis(redis);
  const store = await openStore(storage);
  const runner = new JobRunner(redis, store);
  try {
    return await body(runner, store);
  } finally {
    await runner.close();
    store.close();
  }
}
