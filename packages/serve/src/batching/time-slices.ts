/**
 * Divides long computations, so that the event loop answers others in between. All computations of one turn of the loop share one slice:
 * many short ones would otherwise hold it as long as a long one.
 */

/** Longest time for computations in one turn of the loop [ms]. */
const SLICE_MS = 8;

/** When this turn's first computation began; undefined: none has. */
let beganAt: number | undefined;
const waiting: (() => void)[] = [];
let isScheduled = false;

/** Whether it is time to await {@link nextSlice}. Asked first, because awaiting costs more than most parts of a computation. */
export function isSliceOver(): boolean {
  if (beganAt === undefined) {
    beganAt = performance.now();
    setImmediate(() => {
      beganAt = undefined;
    });
  }
  return performance.now() - beganAt >= SLICE_MS;
}

/** Continues in a later turn of the loop; in each, one of the computations that wait goes on. */
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
