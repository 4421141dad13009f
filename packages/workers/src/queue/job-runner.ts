/**
 * The side of a run: gives jobs to the queue and takes their results. Retries and the takeover of jobs of dead workers are BullMQ's.
 *
 * What the queue holds may be lost with a Redis that was not told to keep it, so outstanding jobs are offered again now and then; a job that
 * the queue has keeps its place. Jobs have names that the run chooses, so a run that is started again finds those of before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SlmError, throwIfInterrupted } from "@slm/core";
import { Queue, type Job, type JobsOptions } from "bullmq";
import { SharedFiles } from "../storage/shared-files.js";
import type { ObjectStore } from "../storage/object-store.js";
import {
  jobResult,
  PREFIX,
  QUEUE,
  readFailure,
  requireSmall,
  type JobFailure,
  type JobMessage,
  type JobResult,
} from "./messages.js";
import { openRun } from "./open-runs.js";
import type { RedisAddress } from "./redis-address.js";
import { RunBoard } from "./run-board.js";

/** A job's tries before it counts as failed. */
export const TRIES = 3;
/** Pause before another try [ms]. */
const RETRY_MS = 500;
/** How often finished jobs are looked for [ms]. */
const POLL_MS = 200;
/** How often outstanding jobs are offered again [ms]. */
const OFFER_MS = 10_000;
/** Jobs that are in the queue at once, so that Redis and the storage hold a part of a large run only. */
const WINDOW = 256;
/** Results that no run took are forgotten after this time [s]. */
const KEPT_SECONDS = 7 * 24 * 3600;

export interface JobSpec {
  /** Name within the run: letters, digits and dashes. */
  readonly id: string;
  /** Which body does it. */
  readonly kind: string;
  /** Units of work, for progress. */
  readonly units: number;
  /** Tries before it counts as failed. Default: 3. */
  readonly tries?: number | undefined;
  /** Made when the job is given to the queue; its files are put into shared storage first. */
  readonly message: (files: SharedFiles) => Promise<Omit<JobMessage, "run">>;
}

export interface FailedJob {
  readonly id: string;
  readonly failure: JobFailure;
}

export interface RunOptions {
  /** Name of the run: a word, a dash, and hexadecimal digits of a hash of all that its jobs depend on. */
  readonly run: string;
  /** What it does, for those who watch. */
  readonly title: string;
  /** Units of all jobs, where that is known before. Default: those of the jobs so far. */
  readonly total?: number | undefined;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
  /** Called after every job, and while nothing happens. */
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  /** Workers that are there. */
  readonly workers: number;
}

/** Jobs that the queue has, by their names in it. */
type Outstanding = Map<string, { readonly job: JobSpec; readonly message: JobMessage }>;

/** A finished job: its result, or why there is none. */
type Finished =
  | { readonly result: JobResult; readonly failure?: undefined }
  | { readonly result?: undefined; readonly failure: JobFailure };

export class JobRunner {
  readonly #queue: Queue;
  readonly #store: ObjectStore;
  readonly #board: RunBoard;

  /** The store is the caller's to close. */
  constructor(address: RedisAddress, store: ObjectStore) {
    this.#queue = new Queue(QUEUE, { connection: address.options, prefix: PREFIX });
    // Lost connections are made again; what waits for them says so.
    this.#queue.on("error", () => undefined);
    this.#store = store;
    this.#board = new RunBoard(address);
  }

  files(run: string): SharedFiles {
    return new SharedFiles(this.#store, run);
  }

  /**
   * Runs jobs on all workers, in any order. Every result is handed to `onDone` once, after which the queue forgets its job.
   *
   * @returns the jobs that failed in all tries
   * @throws SlmError INTERRUPTED, with the jobs left in the queue for the next call; what `onDone` throws, after which no further job starts
   */
  async run(
    jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>,
    options: RunOptions,
    onDone: (job: JobSpec, result: JobResult, files: SharedFiles) => Promise<void>,
  ): Promise<readonly FailedJob[]> {
    await openRun(this.#store, options.run, options.title);
    const outstanding: Outstanding = new Map();
    await this.#forgetFailed(options.run);
    try {
      return await this.#runAll(asyncIterator(jobs), options, outstanding, onDone);
    } catch (error) {
      if (!options.signal.aborted) await this.#withdraw(outstanding);
      throw error;
    }
  }

  async #runAll(
    jobs: AsyncIterator<JobSpec>,
    options: RunOptions,
    outstanding: Outstanding,
    onDone: (job: JobSpec, result: JobResult, files: SharedFiles) => Promise<void>,
  ): Promise<readonly FailedJob[]> {
    const files = this.files(options.run);
    const failed: FailedJob[] = [];
    const watch = new RunWatch(options, this.#board);
    let offered = performance.now();
    let isLast = false;
    while (!isLast || outstanding.size > 0) {
      throwIfInterrupted(options.signal, options.title);
      const fresh: string[] = [];
      while (!isLast && outstanding.size < WINDOW) {
        const { value: job, done } = await jobs.next();
        isLast = done === true;
        if (isLast) break;
        const id = `${options.run}-${job.id}`;
        outstanding.set(id, { job, message: { run: options.run, ...(await job.message(files)) } });
        watch.plan(job);
        fresh.push(id);
      }
      await this.#offer(fresh.map((id) => [id, outstanding.get(id)!]));
      if (performance.now() - offered > OFFER_MS) {
        await this.#offer([...outstanding]);
        offered = performance.now();
      }
      for (const finished of await this.#finished(outstanding)) {
        const { job } = outstanding.get(finished.id!)!;
        const { result, failure } = resultOf(finished);
        if (result === undefined) failed.push({ id: job.id, failure });
        else await onDone(job, result, files);
        outstanding.delete(finished.id!);
        await forget(finished);
        watch.count(job);
      }
      await watch.report(outstanding.size);
      if (outstanding.size > 0)
        await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
    }
    return failed;
  }

  /** Tells those who watch that a run is over, and removes its files and jobs. */
  async end(run: string): Promise<void> {
    await this.#board.remove(run);
    await this.files(run).remove();
  }

  async close(): Promise<void> {
    this.#board.close();
    await this.#queue.close();
  }

  /** Adds jobs to the queue; one that it has is left as it is. */
  async #offer(
    entries: readonly (readonly [string, { readonly job: JobSpec; readonly message: JobMessage }])[],
  ): Promise<void> {
    if (entries.length === 0) return;
    const jobs = entries.map(([jobId, { job, message }]) => {
      requireSmall(message, `the message of job ${jobId}`);
      const opts: JobsOptions = {
        jobId,
        attempts: job.tries ?? TRIES,
        backoff: { type: "fixed", delay: RETRY_MS },
        stackTraceLimit: 1,
        removeOnComplete: { age: KEPT_SECONDS },
        removeOnFail: { age: KEPT_SECONDS },
      };
      return { name: job.kind, data: message, opts };
    });
    await this.#queue.addBulk(jobs);
  }

  /** Failures of an earlier call count no more: what they failed of may be mended. */
  async #forgetFailed(run: string): Promise<void> {
    for (const job of await this.#queue.getJobs(["failed"]))
      if (job?.id?.startsWith(`${run}-`) === true) await forget(job);
  }

  /** Takes back the jobs that no worker has begun. */
  async #withdraw(outstanding: Outstanding): Promise<void> {
    for (const id of outstanding.keys()) await this.#queue.remove(id).catch(() => undefined);
  }

  /** Jobs of this run that ended. */
  async #finished(outstanding: ReadonlyMap<string, unknown>): Promise<readonly Job[]> {
    if (outstanding.size === 0) return [];
    const ended = await this.#queue.getJobs(["completed", "failed"]);
    return ended.filter((job) => job?.id !== undefined && outstanding.has(job.id));
  }
}

async function* asyncIterator(jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>): AsyncGenerator<JobSpec> {
  yield* jobs;
}

function resultOf(job: Job): Finished {
  if (job.finishedOn !== undefined && job.failedReason !== undefined && job.failedReason !== "")
    return { failure: readFailure(job.failedReason) };
  const parsed = jobResult.safeParse(job.returnvalue);
  if (parsed.success) return { result: parsed.data };
  return {
    failure: {
      code: "DATA_INVALID",
      message: `job ${String(job.id)}: its worker returned something else than a result`,
    },
  };
}

/** Removes a job from the queue. One that is gone already, with a Redis that lost it, is no error. */
async function forget(job: Job): Promise<void> {
  await job.remove().catch((error: unknown) => {
    if (!(error instanceof Error) || !/missing key|could not be removed/iu.test(error.message)) throw error;
  });
}

/** Counts what is done, and tells those who wait. */
class RunWatch {
  readonly #options: RunOptions;
  readonly #board: RunBoard;
  #total: number;
  readonly #started = new Date().toISOString();
  #done = 0;
  #told = -Infinity;
  #warned = -Infinity;

  constructor(options: RunOptions, board: RunBoard) {
    this.#options = options;
    this.#board = board;
    this.#total = options.total ?? 0;
  }

  plan({ units }: JobSpec): void {
    if (this.#options.total === undefined) this.#total += units;
  }

  count({ units }: JobSpec): void {
    this.#done += units;
    this.#told = -Infinity;
  }

  /** @param outstanding jobs that are given to the queue */
  async report(outstanding: number): Promise<void> {
    const now = performance.now();
    if (now - this.#told < REPORT_MS) return;
    this.#told = now;
    const { run, title, note, onProgress } = this.#options;
    const living = await this.#board.workers();
    const progress = { done: this.#done, total: this.#total, workers: living.length };
    await this.#board.putRun({ run, title, startedAt: this.#started, outstanding, ...progress });
    onProgress?.(progress);
    if (living.length > 0 || outstanding === 0 || now - this.#warned < WARN_MS) return;
    this.#warned = now;
    note(`${title}: no worker has joined; start one: slm worker --redis URL --storage ADDRESS`);
  }
}

const REPORT_MS = 2_000;
const WARN_MS = 30_000;

/** The error of jobs that failed for a reason that another try does not change. */
export function failureError({ id, failure }: FailedJob): SlmError {
  return new SlmError(failure.code ?? "UNEXPECTED", `job ${id}: ${failure.message}`, {
    context: { job: id },
  });
}
