/** What a run asks of the queue, BullMQ on Redis: jobs are given, found when they ended, taken back. Retries and the takeover of jobs of dead workers are BullMQ's. */
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, type Job, type JobsOptions, type JobState } from "bullmq";
import type { SharedFiles } from "../storage/shared-files.js";
import { PREFIX, QUEUE, requireSmall, type JobMessage } from "./messages.js";
import type { RedisAddress } from "./redis-address.js";

/** A job's tries before it counts as failed. */
const TRIES = 3;
/** Pause before another try [ms]. */
const RETRY_MS = 500;
/** How often jobs that were begun are looked for, once they are taken back [ms]. */
const POLL_MS = 200;
/** How long it is waited for them [ms]. */
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
  readonly message: (files: SharedFiles) => Promise<Omit<JobMessage, "run" | "signature">>;
}

/** A job with its message. */
interface PreparedJob {
  readonly job: JobSpec;
  readonly message: JobMessage;
}

/** Jobs that the queue has, by their names in it. */
export type Outstanding = Map<string, PreparedJob>;

export class JobQueue {
  readonly #queue: Queue;

  constructor({ options }: RedisAddress) {
    this.#queue = new Queue(QUEUE, { connection: options, prefix: PREFIX });
    // Lost connections are made again; what waits for them says so.
    this.#queue.on("error", () => undefined);
  }

  /** Adds jobs; one that the queue has is left as it is. */
  async offer(entries: readonly (readonly [id: string, job: PreparedJob])[]): Promise<void> {
    if (entries.length > 0) await this.#queue.addBulk(entries.map(([id, job]) => asJob(id, job)));
  }

  /** Those of some jobs that ended. */
  async ended(among: Outstanding): Promise<readonly (Job & { readonly id: string })[]> {
    if (among.size === 0) return [];
    const ended = await this.#jobs("completed", "failed");
    return ended.filter((job): job is Job & { id: string } => job.id !== undefined && among.has(job.id));
  }

  /** Failures of an earlier call count no more: what they failed of may be mended. */
  async forgetFailed(run: string): Promise<void> {
    for (const job of await this.#jobs("failed"))
      if (job.id?.startsWith(`${run}-`) === true) await this.forget(job);
  }

  /** Removes a job that ended. One that is gone already, with a Redis that lost it, is no error. */
  async forget(job: Job): Promise<void> {
    await job.remove().catch((error: unknown) => {
      if (!(error instanceof Error) || !/missing key|could not be removed/iu.test(error.message)) throw error;
    });
  }

  /** Takes back the jobs of a failed run, and waits for those that workers have begun. */
  async takeBack(run: string, outstanding: Outstanding): Promise<void> {
    for (const id of outstanding.keys()) await this.#queue.remove(id).catch(() => undefined);
    for (const end = performance.now() + ABANDON_MS; performance.now() < end;) {
      if (!(await this.#jobs("active")).some(({ id }) => id !== undefined && outstanding.has(id))) break;
      await sleep(POLL_MS);
    }
    await this.forgetFailed(run);
  }

  /** Jobs in some states. The library has nothing in place of one that was removed while it read. */
  async #jobs(...states: readonly JobState[]): Promise<readonly Job[]> {
    const found: readonly (Job | undefined)[] = await this.#queue.getJobs([...states]);
    return found.filter((job) => job !== undefined);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

/** A job as the queue takes it. @throws SlmError UNEXPECTED for a message that belongs into shared storage */
function asJob(
  jobId: string,
  { job, message }: PreparedJob,
): { readonly name: string; readonly data: JobMessage; readonly opts: JobsOptions } {
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
