/** Pending promises: closing waits until all of them are fulfilled or rejected. */
export class Unsettled {
  readonly #all = new Set<Promise<unknown>>();

  /** Tracks a promise until it is settled. The caller still receives the result or error. */
  add(promise: Promise<unknown>): void {
    const kept = promise
      .catch(() => undefined)
      .finally(() => {
        this.#all.delete(kept);
      });
    this.#all.add(kept);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#all);
  }
}
