/** Records when each run of a decoder over one batch ended. Every run adds one token to each row. */
export class RunLog {
  readonly #ends: number[] = [];

  /** When each run ended, by `performance.now()` [ms]. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  add(end: number): void {
    this.#ends.push(end);
  }

  /** Drops the runs after the first `runs`. */
  truncate(runs: number): void {
    this.#ends.splice(runs);
  }
}
