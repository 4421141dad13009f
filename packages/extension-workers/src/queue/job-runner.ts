/**
 * Runs jobs through the queue and collects their results.
 *
 * A Redis without persistence can lose the queue, so the run regularly queues outstanding jobs again; a job that is still queued keeps its
 * place. The run chooses the jobs' names, so a restarted run finds the jobs of the earlier one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "@slm/core";
import { SharedFiles } from "../storage/shared-files.js";
import type { DirectoryStore } from "../storage/directory-store.js";
import { outcomeOf, type FailedJob } from "./job-outcome.js";
import { JobQueue, type JobSpec, type Outstanding } from "./job-queue.js";
import type { JobResult } from "./messages.js";
import { signatureOf } from "./job-signature.js";
import { openRun } from "./open-runs.js";
import type { RedisAddress } from "./redis-address.js";
import { RunBoard } from "./run-board.js";
import { RunWatch, type RunOptions } from "./run-watch.js";
import { WorkerShares, type WorkerShare } from "./worker-shares.js";

/** Polling interval for finished jobs [ms]. */
const POLL_MS = 200;
/** Interval for queueing outstanding jobs again [ms]. */
const OFFER_MS = 10_000;
/** Maximum number of queued jobs, so that Redis and the storage contain only a part of a large run. */
const WINDOW = 256;
/** Number of jobs that are created before they are queued, so that the first workers do not wait for the last job. */
const OFFER_JOBS = 4;

/** Receives every result once. */
type OnDone = (job: JobSpec, result: JobResult, files: SharedFiles) => Promise<void>;

export class JobRunner {
  readonly #queue: JobQueue;
  readonly #store: DirectoryStore;
  readonly #board: RunBoard;
  readonly #shares = new WorkerShares();
  readonly #key: string | undefined;

  /** The caller closes the store. @param key signs jobs and verifies results; undefined: neither is signed */
  constructor(address: RedisAddress, store: DirectoryStore, key: string | undefined) {
    this.#key = key;
    this.#queue = new JobQueue(address);
    this.#store = store;
    this.#board = new RunBoard(address);
  }

  /** The share of each worker in the finished work. */
  get shares(): readonly WorkerShare[] {
    return this.#shares.all;
  }

  files(run: string): SharedFiles {
    return new SharedFiles(this.#store, run);
  }

  /**
   * Runs jobs on all workers, in any order. It calls `onDone` once for every result and then removes the job from the queue.
   *
   * @returns the jobs that failed in all attempts
   * @throws SlmError INTERRUPTED, after which the jobs stay in the queue for the next call; errors of `onDone`, after which no further job
   * starts
   */
  run(
    jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>,
    options: RunOptions,
    onDone: OnDone,
  ): Promise<readonly FailedJob[]> {
    return this.#within(options, (outstanding) =>
      this.#runAll(asyncIterator(jobs), options, outstanding, onDone),
    );
  }

  async #runAll(
    jobs: AsyncIterator<JobSpec, void>,
    options: RunOptions,
    outstanding: Outstanding,
    onDone: OnDone,
  ): Promise<readonly FailedJob[]> {
    const files = this.files(options.run);
    const failed: FailedJob[] = [];
    const watch = new RunWatch(options, this.#board, this.#shares);
    let offered = performance.now();
    let isLast = false;
    while (!isLast || outstanding.size > 0) {
      throwIfInterrupted(options.signal, options.title);
      const fresh: string[] = [];
      while (!isLast && outstanding.size < WINDOW && fresh.length < OFFER_JOBS) {
        const next = await jobs.next();
        isLast = next.done === true;
        if (next.done === true) break;
        watch.plan(next.value);
        fresh.push(await this.#prepare(next.value, files, outstanding));
      }
      await this.#queue.offer(fresh.map((id) => [id, outstanding.get(id)!]));
      if (performance.now() - offered > OFFER_MS) {
        await this.#queue.offer([...outstanding]);
        offered = performance.now();
      }
      for (const ended of await this.#queue.ended(outstanding)) {
        const { job } = outstanding.get(ended.id)!;
        const { result, failure } = outcomeOf(this.#key, ended);
        if (result === undefined) failed.push({ id: job.id, failure });
        else {
          await onDone(job, result, files);
          this.#shares.count(ended.processedBy, result);
        }
        outstanding.delete(ended.id);
        await this.#queue.forget(ended);
        watch.count(job);
      }
      await watch.report(outstanding.size);
      const hasRoom = !isLast && outstanding.size < WINDOW;
      if (outstanding.size > 0 && !hasRoom) await pause(options.signal);
    }
    return failed;
  }

  /** Registers the run while `body` runs. After an error it removes outstanding jobs. */
  async #within<Result>(
    { run, title, signal }: RunOptions,
    body: (outstanding: Outstanding) => Promise<Result>,
  ): Promise<Result> {
    await openRun(this.#store, run, title);
    const outstanding: Outstanding = new Map();
    await this.#queue.forgetFailed(run);
    try {
      return await body(outstanding);
    } catch (error) {
      // After an interruption the workers continue, and the next call collects their results.
      if (!signal.aborted) {
        await this.#queue.takeBack(run, outstanding);
        await this.end(run);
      }
      throw error;
    }
  }

  /** Creates and signs the message of a job. @returns its name in the queue */
  async #prepare(job: JobSpec, files: SharedFiles, outstanding: Outstanding): Promise<string> {
    const id = `${files.run}-${job.id}`;
    const body = { run: files.run, ...(await job.message(files)) };
    const signature = signatureOf(this.#key, { part: "job", kind: job.kind, id, body });
    outstanding.set(id, { job, message: { ...body, signature } });
    return id;
  }

  /** Marks a run as finished, and removes its files and jobs. */
  async end(run: string): Promise<void> {
    await this.#board.remove(run);
    await this.files(run).remove();
  }

  async close(): Promise<void> {
    this.#board.close();
    await this.#queue.close();
  }
}

/** Waits for the next poll, or for the signal. */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
}

async function* asyncIterator(
  jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>,
): AsyncGenerator<JobSpec, void> {
  yield* jobs;
}
