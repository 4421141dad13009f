/**
 * The side of a run: gives jobs to the queue and takes their results. Retries and the takeover of jobs of dead workers are BullMQ's.
 *
 * What the queue holds may be lost with a Redis that was not told to keep it, so outstanding jobs are offered again now and then; a job that
 * the queue has keeps its place. Jobs have names that the run chooses, so a run that is started again finds those of before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SlmError, throwIfInterrupted } from "@slm/core";
import { FlowProducer, Queue, type FlowJob, type Job, type JobsOptions, type JobState } from "bullmq";
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
import { RunWatch, type RunOptions } from "./run-watch.js";
import { WorkerShares, type WorkerShare } from "./worker-shares.js";

/** A job's tries before it counts as failed. */
const TRIES = 3;
/** Pause before another try [ms]. */
const RETRY_MS = 500;
/** How often finished jobs are looked for [ms]. */
const POLL_MS = 200;
/** How often outstanding jobs are offered again [ms]. */
const OFFER_MS = 10_000;
/** Jobs that are in the queue at once, so that Redis and the storage hold a part of a large run only. */
const WINDOW = 256;
/** Jobs that are made before they are given to the queue, so that the first workers need not wait for the last job. */
const OFFER_JOBS = 4;
/** How long a failed run waits for jobs that workers have begun [ms]. */
const ABANDON_MS = 60_000;
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

/** Jobs that the queue has, by their names in it. */
type Outstanding = Map<string, { readonly job: JobSpec; readonly message: JobMessage }>;

type OutstandingJob = readonly [string, { readonly job: JobSpec; readonly message: JobMessage }];

/** A finished job: its result, or why there is none. */
type Finished =
  | { readonly result: JobResult; readonly failure?: undefined }
  | { readonly result?: undefined; readonly failure: JobFailure };

export class JobRunner {
  readonly #queue: Queue;
  readonly #store: ObjectStore;
  readonly #board: RunBoard;
  readonly #connection: RedisAddress["options"];
  readonly #shares = new WorkerShares();
  #flows: FlowProducer | undefined;

  /** The store is the caller's to close. */
  constructor(address: RedisAddress, store: ObjectStore) {
    this.#queue = new Queue(QUEUE, { connection: address.options, prefix: PREFIX });
    // Lost connections are made again; what waits for them says so.
    this.#queue.on("error", () => undefined);
    this.#store = store;
    this.#connection = address.options;
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
      // After an interruption the workers go on, and the next call takes what they did.
      if (!options.signal.aborted) await this.#abandon(options.run, outstanding);
      throw error;
    }
  }

  async #runAll(
    jobs: AsyncIterator<JobSpec, void>,
    options: RunOptions,
    outstanding: Outstanding,
    onDone: (job: JobSpec, result: JobResult, files: SharedFiles) => Promise<void>,
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
        const job = next.value;
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
        else {
          await onDone(job, result, files);
          this.#shares.count(finished.processedBy, result);
        }
        outstanding.delete(finished.id!);
        await forget(finished);
        watch.count(job);
      }
      await watch.report(outstanding.size);
      const hasRoom = !isLast && outstanding.size < WINDOW;
      if (outstanding.size > 0 && !hasRoom) await this.#pause(options.signal);
    }
    return failed;
  }

  /**
   * Runs jobs and then one that takes their results: a flow. Every child is tried like a job of its own.
   *
   * @returns the result of the last job, and those of the others in their order
   * @throws SlmError of the first job that failed in all its tries; INTERRUPTED with the flow left in the queue
   */
  async runFlow(
    { parent, children }: { readonly parent: JobSpec; readonly children: readonly JobSpec[] },
    options: RunOptions,
  ): Promise<{ readonly result: JobResult; readonly children: readonly JobResult[] }> {
    const { run, signal } = options;
    await openRun(this.#store, run, options.title);
    const files = this.files(run);
    const all: Outstanding = new Map();
    for (const job of [parent, ...children])
      all.set(`${run}-${job.id}`, { job, message: { run, ...(await job.message(files)) } });
    const [parentId, ...childIds] = [...all.keys()] as [string, ...string[]];
    const watch = new RunWatch(options, this.#board, this.#shares);
    for (const { job } of all.values()) watch.plan(job);
    try {
      await this.#forgetFailed(run);
      for (let offered = -Infinity; ;) {
        throwIfInterrupted(signal, options.title);
        if (performance.now() - offered > OFFER_MS && (await this.#queue.getJob(parentId)) === undefined) {
          await this.#offerFlow(parentId, childIds, all);
          offered = performance.now();
        }
        const ended = await this.#finished(all);
        const failed = ended.find((job) => resultOf(job).failure !== undefined && job.id !== parentId);
        if (failed !== undefined) {
          const { failure } = resultOf(failed);
          throw failureError({ id: all.get(failed.id!)!.job.id, failure: failure! });
        }
        const last = ended.find(({ id }) => id === parentId);
        await watch.report(all.size);
        if (last === undefined) {
          await this.#pause(signal);
          continue;
        }
        const { result, failure } = resultOf(last);
        if (result === undefined) throw failureError({ id: parent.id, failure });
        const results = childIds.map((id) => resultOf(ended.find((job) => job.id === id)!).result!);
        for (const job of ended) {
          this.#shares.count(job.processedBy, resultOf(job).result!);
          await forget(job);
        }
        return { result, children: results };
      }
    } catch (error) {
      if (!signal.aborted) await this.#abandon(run, all);
      throw error;
    }
  }

  /** Waits for the next look at the queue, or for the signal. */
  async #pause(signal: AbortSignal): Promise<void> {
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }

  async #offerFlow(parentId: string, childIds: readonly string[], all: Outstanding): Promise<void> {
    const nodeOf = (id: string): FlowJob => {
      const { name, data, opts } = this.#asJob([id, all.get(id)!]);
      return { name, data, opts, queueName: QUEUE, prefix: PREFIX };
    };
    this.#flows ??= this.#openFlows();
    const children = childIds.map((id): FlowJob => {
      const node = nodeOf(id);
      return { ...node, opts: { ...node.opts, failParentOnFailure: true } };
    });
    await this.#flows.add({ ...nodeOf(parentId), children });
  }

  #openFlows(): FlowProducer {
    const flows = new FlowProducer({ connection: this.#connection, prefix: PREFIX });
    flows.on("error", () => undefined);
    return flows;
  }

  /** Tells those who watch that a run is over, and removes its files and jobs. */
  async end(run: string): Promise<void> {
    await this.#board.remove(run);
    await this.files(run).remove();
  }

  async close(): Promise<void> {
    this.#board.close();
    await this.#flows?.close();
    await this.#queue.close();
  }

  /** Adds jobs to the queue; one that it has is left as it is. */
  async #offer(entries: readonly OutstandingJob[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#queue.addBulk(entries.map((entry) => this.#asJob(entry)));
  }

  #asJob([jobId, { job, message }]: OutstandingJob): {
    readonly name: string;
    readonly data: JobMessage;
    readonly opts: JobsOptions;
  } {
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
  }

  /** Failures of an earlier call count no more: what they failed of may be mended. */
  async #forgetFailed(run: string): Promise<void> {
    for (const job of await this.#jobs("failed"))
      if (job.id?.startsWith(`${run}-`) === true) await forget(job);
  }

  /** Takes back the jobs of a failed run, waits for those that workers have begun, and removes what the run left. */
  async #abandon(run: string, outstanding: Outstanding): Promise<void> {
    for (const id of outstanding.keys()) await this.#queue.remove(id).catch(() => undefined);
    for (const end = performance.now() + ABANDON_MS; performance.now() < end;) {
      if (!(await this.#jobs("active")).some(({ id }) => id !== undefined && outstanding.has(id))) break;
      await sleep(POLL_MS);
    }
    await this.#forgetFailed(run);
    await this.end(run);
  }

  /** Jobs of this run that ended. */
  async #finished(outstanding: ReadonlyMap<string, unknown>): Promise<readonly Job[]> {
    if (outstanding.size === 0) return [];
    const ended = await this.#jobs("completed", "failed");
    return ended.filter(({ id }) => id !== undefined && outstanding.has(id));
  }

  /** Jobs in some states. The library has nothing in place of one that was removed while it read. */
  async #jobs(...states: readonly JobState[]): Promise<readonly Job[]> {
    const found: readonly (Job | undefined)[] = await this.#queue.getJobs([...states]);
    return found.filter((job) => job !== undefined);
  }
}

async function* asyncIterator(
  jobs: AsyncIterable<JobSpec> | Iterable<JobSpec>,
): AsyncGenerator<JobSpec, void> {
  yield* jobs;
}

function resultOf(job: Omit<Job, "failedReason"> & { readonly failedReason?: string | undefined }): Finished {
  const { failedReason } = job;
  if (job.finishedOn !== undefined && failedReason !== undefined && failedReason !== "")
    return { failure: readFailure(failedReason) };
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

/** The error of jobs that failed for a reason that another try does not change. */
export function failureError({ id, failure }: FailedJob): SlmError {
  return new SlmError(failure.code ?? "UNEXPECTED", `job ${id}: ${failure.message}`, {
    context: { job: id },
  });
}
