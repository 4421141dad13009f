/**
 * `fetch` for servers that are not trusted: credentials stay with their origin, redirects are few and never leave https, silence and size
 * are bounded, proxies of the environment are used, and whatever the network does is a {@link NetworkError}. The model hub, OCI registries
 * and servers of teachers are all asked through it.
 */
import type { UnderlyingSource } from "node:stream/web";
import { NetworkError, SilenceError, SlownessError } from "./network-error.js";
import { fetchByProxy } from "./proxied-fetch.js";
import { SlmError } from "../errors/slm-error.js";

export interface FetchGuard {
  /** The only origin that sees credentials, as `https://host:port`. */
  readonly origin: string;
  /** Longest time without a byte, before the answer and inside it [ms]. Default: 60,000. */
  readonly silenceMs?: number | undefined;
  /** Longest time that the server may take in all, and a second more for each KB that arrives or is sent [ms]. Default: 600,000. */
  readonly totalMs?: number | undefined;
  /** Largest body that is read [bytes]. Default: none, for bodies whose reader counts. */
  readonly maxBytes?: number | undefined;
  /** Redirects that are followed. Default: 5. */
  readonly maxRedirects?: number | undefined;
  /** Requests in all, redirects and pages included. Default: none. */
  readonly maxRequests?: number | undefined;
}

/** As `fetch`, but for an address and its options only: of a `Request`, the body and much else would have to be taken apart. */
export type GuardedFetch = (address: string | URL, init?: RequestInit) => Promise<Response>;

type RequestBody = NonNullable<RequestInit["body"]>;

const DEFAULTS = { silenceMs: 60_000, totalMs: 600_000, maxRedirects: 5 } as const;

/** Slowest upload that is waited for [bytes/ms]: 64 KB/s. */
const UPLOAD_RATE = 64;

/** Slowest answer that is read after `totalMs` [bytes/ms]: 1 KB/s. */
const DOWNLOAD_RATE = 1;

/** Headers that are a secret. */
const SECRETS = ["authorization", "cookie", "proxy-authorization"] as const;

/** Redirects of requests without a body. Source: RFC 9110, section 15.4. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Answers that have no body. Source: the Fetch standard, "null body status". */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` with these bounds. Redirects of GET and HEAD are followed, others are answers.
 *
 * @throws SlmError DATA_INVALID for a redirect that leaves https, for too many redirects or requests, for a longer body, and for what is no
 * answer; CONFIG_INVALID for a header that cannot be sent; {@link NetworkError}; the reason of the caller's signal; TypeError for a `Request`
 */
export function guardedFetch(guard: FetchGuard): GuardedFetch {
  const { silenceMs = DEFAULTS.silenceMs, totalMs = DEFAULTS.totalMs } = guard;
  const { maxRedirects = DEFAULTS.maxRedirects, maxRequests } = guard;
  let requests = 0;
  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    requests += 1;
    if (maxRequests !== undefined && requests > maxRequests)
      throw rejected(url, `more than ${maxRequests} requests for one answer`);
    const silence = new Silence(silenceMs, totalMs, init.body);
    const signals = [silence.signal, ...(init.signal == null ? [] : [init.signal])];
    try {
      const response = await fetchByProxy(url, {
        ...init,
        headers: headersFor(url, init.headers, guard.origin),
        redirect: "manual",
        signal: AbortSignal.any(signals),
      });
      return bounded(response, silence, { url, maxBytes: guard.maxBytes, signal: init.signal });
    } catch (error) {
      throw failureOf(error, url, silence, init.signal);
    }
  };
  return async (address: unknown, init = {}) => {
    if (typeof address !== "string" && !(address instanceof URL))
      throw new TypeError("guardedFetch takes an address and options, and no Request");
    const method = (init.method ?? "GET").toUpperCase();
    let url = new URL(address);
    for (let redirects = 0; ; redirects += 1) {
      const response = await send(url, init);
      const location = response.headers.get("location");
      const isFollowed = REDIRECTS.has(response.status) && location !== null && maxRedirects > 0;
      if (!isFollowed || (method !== "GET" && method !== "HEAD")) return response;
      await response.body?.cancel();
      if (redirects === maxRedirects) throw rejected(url, `more than ${maxRedirects} redirects`);
      url = redirected(url, location);
    }
  };
}

/** The headers that an address may see. */
function headersFor(url: URL, given: RequestInit["headers"], origin: string): Headers {
  const headers = readHeaders(given, url);
  if (url.origin !== origin) for (const name of SECRETS) headers.delete(name);
  return headers;
}

/** @throws SlmError CONFIG_INVALID. The error does not show the header: it may be a secret. */
function readHeaders(given: RequestInit["headers"], { host }: URL): Headers {
  try {
    return new Headers(given);
  } catch {
    throw new SlmError("CONFIG_INVALID", `${host}: a token or key holds characters that no header can`, {
      context: { host },
      suggestions: ["look for line breaks and quotes in the environment variables with tokens and keys"],
    });
  }
}

/** What to throw for an error of a request or of the body of its answer. */
function failureOf(
  error: unknown,
  url: URL,
  silence: Silence,
  signal: AbortSignal | null | undefined,
): unknown {
  const reason = silence.reasonOf(error);
  if (reason instanceof SlmError || signal?.aborted === true) return reason;
  if (reason instanceof TotalReached) return new SlownessError(url, reason.ms);
  return reason instanceof SilenceReached ? new SilenceError(url, reason.ms) : new NetworkError(url, reason);
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined || !/^https?:$/u.test(to.protocol))
    throw rejected(from, "a redirect to what is no web address");
  if (from.protocol === "https:" && to.protocol !== "https:")
    throw rejected(from, `a redirect from https to clear text at ${to.host}`);
  // A user and password in the address would become a header.
  to.username = "";
  to.password = "";
  return to;
}

function rejected({ host, pathname }: URL, what: string): SlmError {
  return new SlmError("DATA_INVALID", `${host}${pathname}: ${what}`, { context: { host } });
}

/** The answer with a body that ends with an error when it is silent or too long. */
function bounded(
  response: Response,
  silence: Silence,
  {
    url,
    maxBytes,
    signal,
  }: {
    readonly url: URL;
    readonly maxBytes: number | undefined;
    readonly signal: AbortSignal | null | undefined;
  },
): Response {
  const { body, status, headers } = response;
  silence.end();
  // Others cannot be an answer of `fetch`.
  if (status < 200 || status > 599) throw rejected(url, `an answer of status ${status}`);
  if (body === null || WITHOUT_BODY.has(status)) {
    body?.cancel().catch(() => undefined);
    return answerOf(null, { status, headers, url: response.url });
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  let bytes = 0;
  const source: UnderlyingSource<Uint8Array> = {
    async pull(controller) {
      try {
        // Only the server's silence counts, not the time that the reader of the body takes.
        silence.begin();
        const { done, value } = await reader.read();
        silence.end();
        if (done) {
          controller.close();
          return;
        }
        bytes += value.byteLength;
        silence.heard(value.byteLength);
        if (maxBytes !== undefined && bytes > maxBytes) throw rejected(url, `more than ${maxBytes} bytes`);
        controller.enqueue(value);
      } catch (error) {
        const reason = failureOf(error, url, silence, signal);
        controller.error(reason);
        await reader.cancel(reason).catch(() => undefined);
      }
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  };
  const checked = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  return answerOf(checked, { status, headers, url: response.url });
}

/** The text of the status is left out: a server may write there what no answer may have. */
function answerOf(
  body: ReadableStream<Uint8Array> | null,
  { status, headers, url }: Pick<Response, "status" | "headers" | "url">,
): Response {
  // Headers that a server spelled as none can be end the answer here, also where a web framework put a `Response` of its own in the place of
  // Node's, which would look at them when the body is read.
  const checked = new Headers(headers);
  // A constructed answer has no address, and readers ask who answered.
  return Object.defineProperty(new Response(body, { status, headers: checked }), "url", { value: url });
}

/** The reason of a signal that ended a silence. */
class SilenceReached extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super("silence");
    this.ms = ms;
  }
}

/** The reason of a signal that ended an answer that took too long in all. */
class TotalReached extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super("slowness");
    this.ms = ms;
  }
}

/** Aborts when nothing is heard for too long, or when the server takes too long in all. */
class Silence {
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  readonly #totalMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Time that the server may still take [ms]. */
  #leftMs: number;
  /** Since when the server is waited for [ms]. */
  #since: number | undefined;

  constructor(limitMs: number, totalMs: number, body: RequestInit["body"]) {
    this.#limitMs = limitMs;
    this.#totalMs = totalMs;
    this.#leftMs = totalMs + uploadMs(body);
    this.#wait(limitMs + uploadMs(body));
  }

  /** Bytes that arrived give the server more time. */
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

  /** The silence, if it is what made this error; the timer ends. */
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

/** Time that sending a body of known size may take [ms]. */
function uploadMs(body: RequestInit["body"]): number {
  return sizeOf(body) / UPLOAD_RATE;
}

const sizeOf = (body: RequestBody | null | undefined): number =>
  typeof body === "string" ? Buffer.byteLength(body) : body instanceof Blob ? body.size : 0;
