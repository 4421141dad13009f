/** Results that arrive by themselves and are read one by one. */
export class Arrivals<Result> implements AsyncIterable<Result> {
  readonly #waiting: Result[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(results: readonly Result[]): void {
    this.#waiting.push(...results);
    this.#wake?.();
  }

  /** Nothing follows. @param error thrown to the reader behind what has arrived */
  end(failure: { readonly error?: unknown } = {}): void {
    this.#end ??= failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Result, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#end === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      else if ("error" in this.#end) throw this.#end.error;
      else return;
    }
  }
}
