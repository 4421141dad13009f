/** How far a run is, for those who wait for it and those who watch. */
import type { RunBoard } from "./run-board.js";
import type { WorkerShares } from "./worker-shares.js";

/** How often a run tells how far it is [ms]. */
const REPORT_MS = 2_000;
/** How often it warns that nobody works [ms]. */
const WARN_MS = 30_000;

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

interface RunProgress {
  readonly done: number;
  readonly total: number;
  /** Workers that are there. */
  readonly workers: number;
}

/** A job, as far as progress needs it. */
interface Units {
  readonly units: number;
}

/** Counts what is done, and tells those who wait. */
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

  /** @param outstanding jobs that are given to the queue */
  async report(outstanding: number): Promise<void> {
    const now = performance.now();
    if (now - this.#told < REPORT_MS) return;
    this.#told = now;
    const { run, title, note, onProgress } = this.#options;
    const living = await this.#board.workers();
    this.#shares.see(living);
    const progress = { done: this.#done, total: this.#total, workers: living.length };
    await this.#board.putRun({ run, title, startedAt: this.#started, outstanding, ...progress });
    onProgress?.(progress);
    if (living.length > 0 || outstanding === 0 || now - this.#warned < WARN_MS) return;
    this.#warned = now;
    note(`${title}: no worker has joined; start one: slm worker --redis URL --storage ADDRESS`);
  }
}
