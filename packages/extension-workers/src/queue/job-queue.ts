/**
 * The queue of a run (BullMQ on Redis): adds jobs, finds finished ones, and removes jobs of failed runs. BullMQ retries jobs and reassigns
 * jobs of dead workers.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, type Job, type JobsOptions, type JobState } from "bullmq";
import type { SharedFiles } from "../storage/shared-files.js";
import { PREFIX, QUEUE, requireSmall, type JobMessage } from "./messages.js";
import type { RedisAddress } from "./redis-address.js";

/** Default number of attempts per job. */
const TRIES = 3;
/** Pause before a retry [ms]. */
const RETRY_MS = 500;
/** Polling interval while removed jobs that are still running finish [ms]. */
const POLL_MS = 200;
/** Maximum time to wait for running jobs [ms]. */
const ABANDON_MS = 60_000;
/** Results that no run collects expire after this time [s]. */
const KEPT_SECONDS = 7 * 24 * 3600;

export interface JobSpec {
  /** Name within the run: letters, digits and dashes. */
  readonly id: string;
  /** Selects the job body. */
  readonly kind: string;
  /** Units of work, for progress. */
  readonly units: number;
  /** Number of attempts. Default: 3. */
  readonly tries?: number | undefined;
  /** Creates the message when the job is queued, after its files have been put into shared storage. */
  readonly message: (files: SharedFiles) => Promise<Omit<JobMessage, "run" | "signature">>;
}

/** A job and its message. */
interface PreparedJob {
  readonly job: JobSpec;
  readonly message: JobMessage;
}

/** Queued jobs, by their names in the queue. */
export type Outstanding = Map<string, PreparedJob>;

export class JobQueue {
  readonly #queue: Queue;

  constructor({ options }: RedisAddress) {
    this.#queue = new Queue(QUEUE, { connection: options, prefix: PREFIX });
    // Lost connections are re-established. Commands that wait for one report it.
    this.#queue.on("error", () => undefined);
  }

  /** Adds jobs. A job that is already queued does not change. */
  async offer(entries: readonly (readonly [id: string, job: PreparedJob])[]): Promise<void> {
    if (entries.length > 0) await this.#queue.addBulk(entries.map(([id, job]) => asJob(id, job)));
  }

  /** Returns the given jobs that have finished. */
  async ended(among: Outstanding): Promise<readonly (Job & { readonly id: string })[]> {
    if (among.size === 0) return [];
    const ended = await this.#jobs("completed", "failed");
    return ended.filter((job): job is Job & { id: string } => job.id !== undefined && among.has(job.id));
  }

  /** Removes failures of an earlier call, because their cause may be fixed. */
  async forgetFailed(run: string): Promise<void> {
    for (const job of await this.#jobs("failed"))
      if (job.id?.startsWith(`${run}-`) === true) await this.forget(job);
  }

  /** Removes a finished job. A job that is already missing, for example because Redis lost it, is not an error. */
  async forget(job: Job): Promise<void> {
    await job.remove().catch((error: unknown) => {
      if (!(error instanceof Error) || !/missing key|could not be removed/iu.test(error.message)) throw error;
    });
  }

  /** Removes the jobs of a failed run, and waits for jobs that are running. */
  async takeBack(run: string, outstanding: Outstanding): Promise<void> {
    for (const id of outstanding.keys()) await this.#queue.remove(id).catch(() => undefined);
    for (const end = performance.now() + ABANDON_MS; performance.now() < end;) {
      if (!(await this.#jobs("active")).some(({ id }) => id !== undefined && outstanding.has(id))) break;
      await sleep(POLL_MS);
    }
    await this.forgetFailed(run);
  }

  /** Jobs in the given states. The library returns undefined for a job that is removed meanwhile. */
  async #jobs(...states: readonly JobState[]): Promise<readonly Job[]> {
    const found: readonly (Job | undefined)[] = await this.#queue.getJobs([...states]);
    return found.filter((job) => job !== undefined);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

/** Converts a job to the queue's format. @throws SlmError UNEXPECTED for a message that is too large for Redis */
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
