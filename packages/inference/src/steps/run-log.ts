/** Records the runs of a decoder over one batch: when each ended, and how many tokens per row it returned. */
export class RunLog {
  readonly #ends: number[] = [];
  readonly #tokens: number[] = [];

  /** When each run ended, by `performance.now()` [ms]. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  /** @param tokens number of tokens of the run: one, plus one for each accepted draft */
  add(end: number, tokens = 1): void {
    this.#ends.push(end);
    this.#tokens.push(tokens);
  }

  /** Number of runs that returned the first `tokens` tokens of a row. */
  runsFor(tokens: number): number {
    let left = tokens;
    const last = this.#tokens.findIndex((count) => (left -= count) <= 0);
    return last === -1 ? this.#tokens.length : last + 1;
  }

  /** Drops everything after the first `tokens` tokens: later runs, and the excess tokens of the last run. */
  truncate(tokens: number): void {
    let left = tokens;
    let runs = 0;
    for (; left > 0 && runs < this.#tokens.length; runs++) {
      const kept = Math.min(left, this.#tokens[runs]!);
      this.#tokens[runs] = kept;
      left -= kept;
    }
    this.#ends.length = runs;
    this.#tokens.length = runs;
  }
}
