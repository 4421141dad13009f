/** Delays requests while the server asks for a pause. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestPace } from "./api-sharing.js";

export class Pace implements RequestPace {
  #pausedUntil = 0;

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + ms);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    // The server may have asked for another pause in the meantime.
    for (let wait = this.#wait(); wait > 0; wait = this.#wait()) await sleep(wait, undefined, { signal });
  }

  /** Time until a request may start [ms]; 0 if it may start now. */
  #wait(): number {
    return Math.max(0, Math.ceil(this.#pausedUntil - performance.now()));
  }
}
