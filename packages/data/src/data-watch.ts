/** Progress and interruption of the data stage. */
import { SlmError } from "@slm/core";

/** Progress of the stage; `done` counts lines while reading and rows while writing. */
export interface DataProgress {
  readonly step: "read" | "write";
  readonly done: number;
}

/** Lines between checks of the signal and progress reports. */
const REPORT_EVERY = 4096;

/** Checks the signal and reports progress at intervals. */
export class DataWatch {
  readonly #signal: AbortSignal | undefined;
  readonly #progress: ((progress: DataProgress) => void) | undefined;
  #lines = 0;
  #rows = 0;

  constructor(signal: AbortSignal | undefined, progress: ((progress: DataProgress) => void) | undefined) {
    this.#signal = signal;
    this.#progress = progress;
  }

  /** Lines read. */
  get lines(): number {
    return this.#lines;
  }

  /** @throws SlmError INTERRUPTED */
  readonly check = (): void => {
    if (this.#signal?.aborted !== true) return;
    throw new SlmError("INTERRUPTED", "data: interrupted before the rows were complete", {
      cause: this.#signal.reason,
    });
  };

  readonly onLine = (): void => {
    if (++this.#lines % REPORT_EVERY !== 0) return;
    this.check();
    this.#progress?.({ step: "read", done: this.#lines });
  };

  onWritten(rows: number): void {
    this.#rows += rows;
    this.#progress?.({ step: "write", done: this.#rows });
  }
}
