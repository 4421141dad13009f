/**
 * The side of a run: gives jobs to the queue and takes their results.
 *
 * What the queue holds may be lost with a Redis that was not told to keep it, so outstanding jobs are offered again now and then; a job that
 * the queue has keeps its place. Jobs have names that the run chooses, so a run that is started again finds those of before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "@slm/core";
import { SharedFiles } from "../storage/shared-files.js";
import type { ObjectStore } from "../storage/object-store.js";
import { outcomeOf, type FailedJob } from "./job-outcome.js";
import { JobQueue, type JobSpec, type Outstanding } from "./job-queue.js";
import type { JobResult } from "./messages.js";
import { signatureOf } from "./job-signature.js";
import { openRun } from "./open-runs.js";
import type { RedisAddress } from "./redis-address.js";
import { RunBoard } from "./run-board.js";
import { RunWatch, type RunOptions } from "./run-watch.js";
import { WorkerShares, type WorkerShare } from "./worker-shares.js";

/** How often finished jobs are looked for [ms]. */
const POLL_MS = 200;
/** How often outstanding jobs are offered again [ms]. */
const OFFER_MS = 10_000;
/** Jobs that are in the queue at once, so that Redis and the storage hold a part of a large run only. */
const WINDOW = 256;
/** Jobs that are made before they are given to the queue, so that the first workers need not wait for the last job. */
const OFFER_JOBS = 4;

/** Takes a result, once. */
type OnDone = (job: JobSpec, result: JobResult, files: SharedFiles) => Promise<void>;

export class JobRunner {
  readonly #queue: JobQueue;
  readonly #store: ObjectStore;
  readonly #board: RunBoard;
  readonly #shares = new WorkerShares();
  readonly #key: string | undefined;

  /** The store is the caller's to close. @param key signs jobs and checks results; undefined: neither is signed */
  constructor(address: RedisAddress, store: ObjectStore, key: string | undefined) {
    this.#key = key;
    this.#queue = new JobQueue(address);
    this.#store = store;
    this.#board = new RunBoard(address);
  }

  /** Which worker did how much of what was finished so far. */
  get shares(): readonly WorkerShare[] {
    return this.#shares.all;
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

  /** Runs `body` as a run that is under way. What it leaves outstanding by an error is taken back. */
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
      // After an interruption the workers go on, and the next call takes what they did.
      if (!signal.aborted) {
        await this.#queue.takeBack(run, outstanding);
        await this.end(run);
      }
      throw error;
    }
  }

  /** Makes and signs the message of a job. @returns its name in the queue */
  async #prepare(job: JobSpec, files: SharedFiles, outstanding: Outstanding): Promise<string> {
    const id = `${files.run}-${job.id}`;
    const body = { run: files.run, ...(await job.message(files)) };
    const signature = signatureOf(this.#key, { part: "job", kind: job.kind, id, body });
    outstanding.set(id, { job, message: { ...body, signature } });
    return id;
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
}

/** Waits for the next look at the queue, or for the signal. */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
}

async function* asyncIterator(
  jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>,
): AsyncGenerator<JobSpec, void> {
  yield* jobs;
}
