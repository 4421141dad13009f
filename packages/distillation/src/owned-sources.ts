/** What a stage has opened, closed in the reverse order. `AsyncDisposableStack` of ECMAScript does this; Node 20 has none. */
interface Closable {
  close(): Promise<void>;
}

export class OwnedSources {
  readonly #open: Closable[] = [];

  /** Owns a source from now on; none where there is none. @returns it */
  own<Source extends Closable | undefined>(source: Source): Source {
    if (source !== undefined) this.#open.push(source);
    return source;
  }

  /**
   * Closes every source, the last first, also after one that cannot be closed.
   *
   * @throws what the first of those threw
   */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let source = this.#open.pop(); source !== undefined; source = this.#open.pop())
      await source.close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
