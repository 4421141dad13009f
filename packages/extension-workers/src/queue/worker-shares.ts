/** Counts the share of each worker in a run. */
import type { JobResult } from "./messages.js";
import type { WorkerLine } from "./run-board.js";

/** The work of one worker in a run. */
export interface WorkerShare {
  readonly worker: string;
  /** CPU model and threads per job; empty and 0 for a worker that disappeared before its status was read. */
  readonly device: string;
  readonly threads: number;
  readonly jobs: number;
  /** Units of its jobs: tokens of caches, rows, steps of trainings. */
  readonly units: number;
  /** Time spent on its jobs [s]. */
  readonly seconds: number;
}

export class WorkerShares {
  readonly #lines = new Map<string, Pick<WorkerLine, "device" | "threads">>();
  readonly #done = new Map<string, { jobs: number; units: number; seconds: number }>();

  /** Stores the properties of workers. */
  see(workers: readonly WorkerLine[]): void {
    for (const { id, device, threads } of workers) this.#lines.set(id, { device, threads });
  }

  /** @param worker undefined if the queue does not know the job's worker */
  count(worker: string | undefined, { units, seconds }: Pick<JobResult, "units" | "seconds">): void {
    const name = worker ?? "unknown";
    const done = this.#done.get(name) ?? { jobs: 0, units: 0, seconds: 0 };
    this.#done.set(name, {
      jobs: done.jobs + 1,
      units: done.units + units,
      seconds: done.seconds + seconds,
    });
  }

  /** Workers with finished work, sorted by name. */
  get all(): readonly WorkerShare[] {
    return [...this.#done]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([worker, done]) => ({
        worker,
        ...(this.#lines.get(worker) ?? { device: "", threads: 0 }),
        ...done,
      }));
  }
}
