/** Holds requests back: limits per minute, and pauses that the server asks for. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestPace } from "./api-sharing.js";

const MINUTE_MS = 60_000;

export interface PaceLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
}

export interface PaceClock {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const systemClock: PaceClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** Limits of starts within any minute, in the order of the calls. */
export class Pace implements RequestPace {
  readonly #limits: PaceLimits;
  readonly #clock: PaceClock;
  #started: { readonly at: number; readonly tokens: number }[] = [];
  #pausedUntil = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(limits: PaceLimits, clock: PaceClock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Starts nothing for that long. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + ms);
  }

  /**
   * Resolves when a request with so many tokens may start. A request above the limit of a minute starts alone in its minute.
   *
   * @throws the signal's reason
   */
  async start(tokens: number, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#waitAndCount(tokens, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #waitAndCount(tokens: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let wait = this.#wait(tokens); wait > 0; wait = this.#wait(tokens))
      await this.#clock.sleep(wait, signal);
    this.#started.push({ at: this.#clock.now(), tokens });
  }

  /** Time until a request may start; 0 if now [ms]. */
  #wait(tokens: number): number {
    const now = this.#clock.now();
    if (now < this.#pausedUntil) return Math.ceil(this.#pausedUntil - now);
    const { requestsPerMinute = Infinity, tokensPerMinute = Infinity } = this.#limits;
    this.#started = this.#started.filter(({ at }) => at > now - MINUTE_MS);
    const sum = this.#started.reduce((total, start) => total + start.tokens, 0);
    const fits = this.#started.length < requestsPerMinute && sum + tokens <= tokensPerMinute;
    const [oldest] = this.#started;
    return fits || oldest === undefined ? 0 : Math.ceil(oldest.at + MINUTE_MS - now) || 1;
  }
}
