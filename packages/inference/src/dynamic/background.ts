/** Work that no answer waits for: calls of a runtime are executed in order, so nothing overtakes it. */
export class Background {
  #failure: { readonly error: unknown } | undefined;

  start(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** @throws what the first work threw that failed since the last check */
  check(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }
}
