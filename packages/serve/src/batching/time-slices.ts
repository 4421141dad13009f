/**
 * Divides long computations into time slices, so that the event loop serves other requests in between. All computations of one turn of the
 * loop share one slice: otherwise many short ones would block it as long as a long one.
 */

/** Longest time for computations in one turn of the loop [ms]. */
const SLICE_MS = 8;

/** Start of this turn's first computation; undefined if there was none. */
let beganAt: number | undefined;
const waiting: (() => void)[] = [];
let isScheduled = false;

/** Whether it is time to await {@link nextSlice}. Check first, because awaiting costs more than most parts of a computation. */
export function isSliceOver(): boolean {
  if (beganAt === undefined) {
    beganAt = performance.now();
    setImmediate(() => {
      beganAt = undefined;
    });
  }
  return performance.now() - beganAt >= SLICE_MS;
}

/** Resolves in a later turn of the loop. In each turn one of the waiting computations continues. */
export function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    schedule();
  });
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    beganAt = undefined;
    waiting.shift()?.();
    if (waiting.length > 0) schedule();
  });
}
