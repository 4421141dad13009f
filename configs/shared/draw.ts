/** Random choices for one generated row. */
import { below, sfc32 } from "@slm/data";

/** Deterministic for a seed and a row. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number, row: number) {
    this.#next = sfc32(seed, row);
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return below(this.#next, bound);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
