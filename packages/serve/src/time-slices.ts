/** Divides a long computation, so that the event loop answers others in between. */
import { setImmediate } from "node:timers/promises";

/** Longest time for one part [ms]. */
const SLICE_MS = 8;

export class TimeSlices {
  #since = performance.now();

  /** Whether it is time to await {@link next}. Asked first, because awaiting costs more than most parts of a computation. */
  get isOver(): boolean {
    return performance.now() - this.#since >= SLICE_MS;
  }

  /** Continues when the event loop has done what was waiting. */
  async next(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
