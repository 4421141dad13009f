/** Closes opened resources in reverse order. A replacement for ECMAScript's `AsyncDisposableStack`, which Node 20 lacks. */
interface Closable {
  close(): Promise<void>;
}

export class OwnedSources {
  readonly #open: Closable[] = [];

  /** Adds a source, if there is one. @returns the source */
  own<Source extends Closable | undefined>(source: Source): Source {
    if (source !== undefined) this.#open.push(source);
    return source;
  }

  /**
   * Closes every source, the last first, even if closing one fails.
   *
   * @throws the first error
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let source = this.#open.pop(); source !== undefined; source = this.#open.pop())
      await source.close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
