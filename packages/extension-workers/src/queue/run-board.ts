/** The status of workers and runs, in two hashes of Redis. Each worker and run updates its entry every few seconds. */
import { parsedJson } from "@slm/core";
import { Redis } from "ioredis";
import { z } from "zod";
import { PREFIX } from "./messages.js";
import type { RedisAddress } from "./redis-address.js";

const WORKERS_KEY = `${PREFIX}:workers`;
const RUNS_KEY = `${PREFIX}:runs`;

/** Interval at which a worker updates its entry [ms]. */
export const BEAT_MS = 2_000;
/** A worker without an update for this long is considered gone [ms]. */
const GONE_MS = 15_000;

const workerLine = z.strictObject({
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  /** CPU model. */
  device: z.string(),
  cores: z.int(),
  /** Threads of one job. */
  threads: z.int(),
  /** Jobs at once. */
  concurrency: z.int(),
  startedAt: z.string(),
  /** Time of the last update [ms since 1970, by Redis's clock]. */
  seenAt: z.number(),
  state: z.enum(["ready", "draining"]),
  /** Current jobs. */
  active: z.array(z.string()),
  done: z.int(),
  failed: z.int(),
  /** Units of finished jobs: tokens of caches, steps of trainings. */
  units: z.number(),
  /** Time spent on finished jobs [s]. */
  busySeconds: z.number(),
});
export type WorkerLine = Readonly<z.infer<typeof workerLine>>;

const runLine = z.strictObject({
  run: z.string(),
  title: z.string(),
  startedAt: z.string(),
  outstanding: z.int(),
  done: z.number(),
  total: z.number(),
  workers: z.int(),
});
export type RunLine = Readonly<z.infer<typeof runLine>>;

export class RunBoard {
  readonly #client: Redis;

  constructor({ options }: RedisAddress) {
    this.#client = new Redis(options);
    // Lost connections are re-established, and commands wait for them.
    this.#client.on("error", () => undefined);
  }

  async putWorker(line: Omit<WorkerLine, "seenAt">): Promise<void> {
    const seenAt = await this.#now();
    await this.#client.hset(WORKERS_KEY, line.id, JSON.stringify({ ...line, seenAt } satisfies WorkerLine));
  }

  async removeWorker(id: string): Promise<void> {
    await this.#client.hdel(WORKERS_KEY, id);
  }

  /** Active workers. Entries of workers that are gone are removed. */
  async workers(): Promise<readonly WorkerLine[]> {
    const now = await this.#now();
    const lines = linesOf(await this.#client.hgetall(WORKERS_KEY), workerLine);
    const gone = lines.filter(({ seenAt }) => now - seenAt > GONE_MS);
    if (gone.length > 0) await this.#client.hdel(WORKERS_KEY, ...gone.map(({ id }) => id));
    return lines.filter((line) => !gone.includes(line));
  }

  async putRun(line: RunLine): Promise<void> {
    await this.#client.hset(RUNS_KEY, line.run, JSON.stringify(line));
  }

  async runs(): Promise<readonly RunLine[]> {
    return linesOf(await this.#client.hgetall(RUNS_KEY), runLine);
  }

  async remove(run: string): Promise<void> {
    await this.#client.hdel(RUNS_KEY, run);
  }

  close(): void {
    this.#client.disconnect();
  }

  /** Redis's clock, so that the machines' clocks need not agree [ms since 1970]. */
  async #now(): Promise<number> {
    const [seconds, microseconds] = await this.#client.time();
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }
}

/** Entries of other versions are ignored. */
function linesOf<Schema extends z.ZodType>(
  fields: Readonly<Record<string, string>>,
  schema: Schema,
): readonly z.infer<Schema>[] {
  return Object.values(fields).flatMap((text) => {
    const parsed = schema.safeParse(parsedJson(text));
    return parsed.success ? [parsed.data] : [];
  });
}
