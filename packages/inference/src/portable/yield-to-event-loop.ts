/** Lets other work of the thread run between steps: a portable model computes in the caller's thread. */

/** How long steps may keep the thread [ms]. */
const LONGEST_MS = 10;

let last = 0;

/** Whether steps have kept the thread for long. @param now by `performance.now()` [ms] */
export const keepsThread = (now: number): boolean => now - last >= LONGEST_MS;

/** Waits for the event loop, so that signals, timers and streams are served. */
export async function yieldToEventLoop(): Promise<void> {
  await nextTask();
  last = performance.now();
}

/** Browsers have no `setImmediate`, and delay nested timers by 4 ms; a message is not delayed. */
function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const onMessage = (): void => {
      port1.close();
      resolve();
    };
    Object.assign(port1, { onmessage: onMessage });
    port2.postMessage(null);
  });
}
