/** Holds requests back while the server asks for a pause. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestPace } from "./api-sharing.js";

export class Pace implements RequestPace {
  #pausedUntil = 0;

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    // A further pause may have been asked for meanwhile.
    for (let wait = this.#wait(); wait > 0; wait = this.#wait()) await sleep(wait, undefined, { signal });
  }

  /** Time until a request may start; 0 if now [ms]. */
  #wait(): number {
    return Math.max(0, Math.ceil(this.#pausedUntil - performance.now()));
  }
}
