/**
 * A worker takes jobs from the queue and runs each in a separate process, so that a crash (native code, out of memory) fails the job but
 * not the worker. BullMQ handles locks, retries, and jobs of dead workers.
 */
import { randomBytes } from "node:crypto";
import { cpus, hostname } from "node:os";
import { pathToFileURL } from "node:url";
import { Worker, type Job } from "bullmq";
import { DirectoryStore } from "../storage/directory-store.js";
import { removeLeftovers } from "../storage/local-copies.js";
import { JOB_PROCESS_VARIABLE, type JobProcess } from "./job-body.js";
import type { JobPermissions } from "./job-permissions.js";
import { jobResult, PREFIX, QUEUE } from "./messages.js";
import { requireRedis, type RedisAddress } from "./redis-address.js";
import { requireTrust } from "./require-trust.js";
import { isOpenRun } from "./open-runs.js";
import { BEAT_MS, RunBoard, type WorkerLine } from "./run-board.js";

/** Number of times a job is reassigned after its worker died, before it fails. */
const MAX_TAKEOVERS = 10;
/** Interval for removing local copies of finished runs [ms]. */
const CLEAN_MS = 60_000;

interface WorkerOptions {
  readonly redis: RedisAddress;
  /** Address of the shared storage. */
  readonly storage: string;
  /** Folder of local copies. */
  readonly scratch: string;
  /** File with a default export from `serveJobs`. */
  readonly processFile: string;
  /** Number of concurrent jobs, each in a separate process. */
  readonly concurrency: number;
  /** Threads of each job. */
  readonly threads: number;
  /** A job is reassigned if its worker has been silent for this long [s]. */
  readonly takeoverSeconds: number;
  /** What jobs are allowed to do in addition to computing. */
  readonly allowed: JobPermissions;
  /** Whether to use a Redis that others can write to without a password or a key. */
  readonly insecure: boolean;
  /** When aborted, the worker takes no further jobs, finishes its current ones, and ends. */
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

export interface WorkerReport {
  readonly id: string;
  readonly done: number;
  readonly failed: number;
  /** Units of finished jobs: tokens of caches, rows of labels. */
  readonly units: number;
  /** Time spent on finished jobs [s]. */
  readonly busySeconds: number;
}

/**
 * Processes jobs until the signal, then finishes the current ones. @throws SlmError USAGE for a Redis that others can write to,
 * DEVICE_UNAVAILABLE without Redis, INPUT_MISSING without storage
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerReport> {
  const { redis, note, signal, insecure } = options;
  requireTrust(redis, { insecure, note });
  await requireRedis(redis);
  const store = await DirectoryStore.open(options.storage);
  const board = new RunBoard(redis);
  const line = firstLine(options);
  const beat = (): void => {
    // If Redis is restarting, the next update is written.
    board.putWorker(line).catch(() => undefined);
  };
  const clean = (): void => {
    removeLeftovers(options.scratch, async (run) => !(await isOpenRun(store, run))).catch(
      (error: unknown) => {
        note(`could not remove local copies of finished runs: ${String(error)}`);
      },
    );
  };
  clean();
  const worker = openWorker(options, line, beat);
  worker.on("error", (error) => {
    note(`${redis.shown}: ${error.message}`);
  });
  const timers = [setInterval(beat, BEAT_MS), setInterval(clean, CLEAN_MS)];
  await worker.waitUntilReady();
  await board.putWorker(line);
  note(
    `worker ${line.id}: ${line.concurrency} ${line.concurrency === 1 ? "job" : "jobs"} at once with ${line.threads} ${line.threads === 1 ? "thread" : "threads"} on ${line.device}; ${redis.shown}, ${store.shown}`,
  );
  await aborted(signal);
  line.state = "draining";
  beat();
  if (line.active.length > 0) note(`finishing ${line.active.length} jobs`);
  await worker.close();
  for (const timer of timers) clearInterval(timer);
  await board.removeWorker(line.id).catch(() => undefined);
  board.close();
  const { id, done, failed, units, busySeconds } = line;
  return { id, done, failed, units, busySeconds };
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };
type CurrentLine = Mutable<Omit<WorkerLine, "seenAt">>;

function firstLine({ concurrency, threads }: WorkerOptions): CurrentLine {
  const processors = cpus();
  return {
    id: `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
    host: hostname(),
    pid: process.pid,
    device: processors[0]?.model.trim() ?? process.arch,
    cores: processors.length,
    threads,
    concurrency,
    startedAt: new Date().toISOString(),
    state: "ready",
    active: [],
    done: 0,
    failed: 0,
    units: 0,
    busySeconds: 0,
  };
}

function openWorker(options: WorkerOptions, line: CurrentLine, beat: () => void): Worker {
  const { redis, storage, scratch, threads, allowed, concurrency, takeoverSeconds, note, processFile } =
    options;
  const given: JobProcess = { storage, scratch, threads, redis: redis.url, allowed };
  const worker = new Worker(QUEUE, pathToFileURL(processFile), {
    connection: redis.options,
    prefix: PREFIX,
    name: line.id,
    concurrency,
    lockDuration: takeoverSeconds * 1000,
    stalledInterval: takeoverSeconds * 1000,
    maxStalledCount: MAX_TAKEOVERS,
    workerForkOptions: { env: { ...process.env, [JOB_PROCESS_VARIABLE]: JSON.stringify(given) } },
  });
  const left = (job: Job | undefined): void => {
    line.active = line.active.filter((id) => id !== job?.id);
  };
  worker.on("active", (job) => {
    line.active.push(String(job.id));
    beat();
  });
  worker.on("completed", (job, value: unknown) => {
    left(job);
    const parsed = jobResult.safeParse(value);
    line.done += 1;
    if (parsed.success) {
      line.units += parsed.data.units;
      line.busySeconds += parsed.data.seconds;
      note(`${String(job.id)}: done in ${parsed.data.seconds.toFixed(1)} s`);
    }
  });
  worker.on("failed", (job, error) => {
    left(job);
    line.failed += 1;
    note(`${String(job?.id)}: failed, attempt ${String(job?.attemptsMade)}: ${error.message}`);
  });
  worker.on("stalled", (id) => {
    note(`${id}: reassigned from a worker that is gone`);
  });
  return worker;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
