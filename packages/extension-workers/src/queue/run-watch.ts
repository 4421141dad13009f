/** Progress of a run, for its caller and for `slm worker --status`. */
import type { RunBoard } from "./run-board.js";
import type { WorkerShares } from "./worker-shares.js";

/** Interval of progress reports [ms]. */
const REPORT_MS = 2_000;
/** Interval of warnings that there are no workers [ms]. */
const WARN_MS = 30_000;

export interface RunOptions {
  /** Name of the run: a word, a dash, and hexadecimal digits of a hash of everything on which its jobs depend. */
  readonly run: string;
  /** Description for status displays. */
  readonly title: string;
  /** Units of all jobs, if known in advance. Default: the units of the jobs so far. */
  readonly total?: number | undefined;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** The properties of a job that progress needs. */
interface Units {
  readonly units: number;
}

/** Counts finished work and reports progress. */
export class RunWatch {
  readonly #options: RunOptions;
  readonly #board: RunBoard;
  readonly #shares: WorkerShares;
  #total: number;
  readonly #started = new Date().toISOString();
  #done = 0;
  #told = -Infinity;
  #warned = -Infinity;

  constructor(options: RunOptions, board: RunBoard, shares: WorkerShares) {
    this.#options = options;
    this.#board = board;
    this.#shares = shares;
    this.#total = options.total ?? 0;
  }

  plan({ units }: Units): void {
    if (this.#options.total === undefined) this.#total += units;
  }

  count({ units }: Units): void {
    this.#done += units;
    this.#told = -Infinity;
  }

  /** @param outstanding queued jobs */
  async report(outstanding: number): Promise<void> {
    const now = performance.now();
    if (now - this.#told < REPORT_MS) return;
    this.#told = now;
    const { run, title, note } = this.#options;
    const living = await this.#board.workers();
    this.#shares.see(living);
    const progress = { done: this.#done, total: this.#total, workers: living.length };
    await this.#board.putRun({ run, title, startedAt: this.#started, outstanding, ...progress });
    if (living.length > 0 || outstanding === 0 || now - this.#warned < WARN_MS) return;
    this.#warned = now;
    note(`${title}: no worker has joined; start one: slm worker --redis URL --storage ADDRESS`);
  }
}
