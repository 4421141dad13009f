/** Records which places of the instrumented code a run has reached, and how often, in classes. */

/** Name of the global variable with the counters of instrumented code. */
export const COVERAGE_VARIABLE = "__slmFuzzCoverage__";

/** Classes of counts, as bits of one byte. Source: AFL, "Measuring coverage": 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more. */
const CLASSES = new Uint8Array(256);
for (let count = 1; count < 256; count += 1) {
  const limits = [1, 2, 3, 7, 15, 31, 127, 255];
  CLASSES[count] = 1 << limits.findIndex((limit) => count <= limit);
}

/**
 * Counters of a file: for statements, functions, and the arms of branches.
 *
 * @typedef {{ s: Record<string, number> | Uint32Array, f: Record<string, number> | Uint32Array, b: Record<string, number[] | Uint32Array> }} Counters
 */

export class Coverage {
  /** @type {Uint32Array} */
  #counters;
  /** @type {Uint8Array} */
  #seen;

  /** Puts the counters of all loaded code into one array. */
  constructor() {
    /** @type {Record<string, unknown>} */
    const globals = globalThis;
    const files = Object.values(/** @type {Record<string, Counters>} */ (globals[COVERAGE_VARIABLE] ?? {}));
    const sizes = files.flatMap(({ s, f, b }) => [
      Object.keys(s).length,
      Object.keys(f).length,
      ...Object.values(b).map((arms) => arms.length),
    ]);
    this.#counters = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
    this.#seen = new Uint8Array(this.#counters.length);
    let at = 0;
    const take = (/** @type {number} */ size) => this.#counters.subarray(at, (at += size));
    for (const file of files) {
      // Instrumented code counts by index, both in objects and in arrays.
      file.s = take(Object.keys(file.s).length);
      file.f = take(Object.keys(file.f).length);
      for (const [branch, arms] of Object.entries(file.b)) file.b[branch] = take(arms.length);
    }
  }

  /** Number of places. */
  get size() {
    return this.#counters.length;
  }

  /** Places that any run has reached. */
  get reached() {
    return this.#seen.reduce((sum, classes) => sum + (classes === 0 ? 0 : 1), 0);
  }

  begin() {
    this.#counters.fill(0);
  }

  /** Whether the run since {@link begin} reached a place, or a class of counts of it, for the first time. */
  end() {
    let isNew = false;
    for (let at = 0; at < this.#counters.length; at += 1) {
      const count = this.#counters[at] ?? 0;
      if (count === 0) continue;
      const [seen = 0, found = 0] = [this.#seen[at], CLASSES[Math.min(255, count)]];
      if ((seen & found) !== 0) continue;
      this.#seen[at] = seen | found;
      isNew = true;
    }
    return isNew;
  }
}
