/** Work that no answer waits for. A runtime executes calls in order, so later calls cannot overtake it. */
export class Background {
  #failure: { readonly error: unknown } | undefined;

  start(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** @throws the first error of any work since the last check */
  check(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }
}
