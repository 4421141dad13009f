/** Work that is under way: closing waits for all of it, whether it ends well or not. */
export class Unsettled {
  readonly #all = new Set<Promise<unknown>>();

  /** Remembers a promise until it is settled. Whoever holds it still hears how it ends. */
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
