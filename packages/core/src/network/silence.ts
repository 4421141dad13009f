/** The time limits of one request to an untrusted server. */

type RequestBody = NonNullable<RequestInit["body"]>;

/** Minimum rate of an upload [bytes/ms]: 64 KB/s. */
const UPLOAD_RATE = 64;

/** Minimum rate of a response after `totalMs` [bytes/ms]: 1 KB/s. */
const DOWNLOAD_RATE = 1;

/** The reason of a signal after too long a silence. */
export class SilenceReached extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super("silence");
    this.ms = ms;
  }
}

/** The reason of a signal after too long a total time. */
export class TotalReached extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super("slowness");
    this.ms = ms;
  }
}

/**
 * Aborts its signal if no byte arrives for too long, or if the total time is too long. Only the time between `begin` (or the construction)
 * and `end` counts.
 */
export class Silence {
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  readonly #totalMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Remaining time of the server [ms]. */
  #leftMs: number;
  /** Time at which waiting for the server started [ms]. */
  #since: number | undefined;

  constructor(limitMs: number, totalMs: number, body: RequestInit["body"]) {
    this.#limitMs = limitMs;
    this.#totalMs = totalMs;
    this.#leftMs = totalMs + uploadMs(body);
    this.#wait(limitMs + uploadMs(body));
  }

  /** Received bytes extend the server's time. */
  heard(bytes: number): void {
    this.#leftMs += bytes / DOWNLOAD_RATE;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.#wait(this.#limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#since !== undefined) this.#leftMs -= performance.now() - this.#since;
    this.#since = undefined;
  }

  /** Stops the timer and returns the timeout if it caused this error. */
  reasonOf(error: unknown): unknown {
    this.end();
    return this.signal.aborted ? (this.signal.reason as unknown) : error;
  }

  #wait(ms: number): void {
    this.end();
    this.#since = performance.now();
    const isLast = this.#leftMs < ms;
    this.#timer = setTimeout(
      () => {
        this.#controller.abort(isLast ? new TotalReached(this.#totalMs) : new SilenceReached(this.#limitMs));
      },
      Math.max(0, isLast ? this.#leftMs : ms),
    ).unref();
  }
}

/** Time limit for sending a body of known size [ms]. */
function uploadMs(body: RequestInit["body"]): number {
  return sizeOf(body) / UPLOAD_RATE;
}

const sizeOf = (body: RequestBody | null | undefined): number =>
  typeof body === "string" ? Buffer.byteLength(body) : body instanceof Blob ? body.size : 0;
