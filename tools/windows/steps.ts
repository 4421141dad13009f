/** Runs the steps of the test, prints their times, and counts what could not be tested. */

export class Steps {
  readonly #skipped: string[] = [];

  /** Runs one step. Its text is printed after its name. */
  async step(name: string, body: () => Promise<string | undefined>): Promise<void> {
    const start = performance.now();
    const said = await body();
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    print(`${seconds} s  ${name}${said === undefined ? "" : `: ${said}`}`);
  }

  /** Names something that Wine cannot do. */
  skip(name: string, reason: string): void {
    this.#skipped.push(name);
    print(`       -  not tested: ${name}: ${reason}`);
  }

  get skipped(): readonly string[] {
    return this.#skipped;
  }
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** A busy machine is not an error, so this is long: conditions also look whether a program has ended [ms]. */
const LIMIT = 600_000;

/** Waits until a condition is true. @throws Error with `what` after ten minutes */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = Date.now() + LIMIT; !condition();) {
    if (Date.now() > end) throw new Error(`waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
