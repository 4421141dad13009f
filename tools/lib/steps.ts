/** Runs the steps of a test of the product, prints their times, and names what could not be tested. */

const skipped: string[] = [];

/** Runs one step. If it returns a text, the text is printed after its name. */
export async function step(name: string, body: () => unknown): Promise<void> {
  const start = performance.now();
  const said = await body();
  printTime(start, typeof said === "string" ? `${name}: ${said}` : name);
}

/** Prints the seconds since a time of `performance.now()`, and what they were for. */
export function printTime(start: number, name: string): void {
  print(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`);
}

/** Names something that this machine cannot test. */
export function skip(name: string, reason: string): void {
  skipped.push(name);
  print(`       -  not tested: ${name}: ${reason}`);
}

/** Prints that all steps passed. */
export function printEnd(): void {
  const rest = skipped.length === 0 ? "" : `; ${skipped.length} things not tested, named above`;
  print(`all passed on Node ${process.version}${rest}`);
}

function print(line: string): void {
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
