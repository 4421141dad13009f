/**
 * `fetch` for servers that are not trusted: credentials stay with their origin, redirects are few and never leave https, silence and size
 * are bounded. The model hub, OCI registries and servers of teachers are all asked through it.
 */
import type { UnderlyingSource } from "node:stream/web";
import { SlmError } from "./slm-error.js";

export interface FetchGuard {
  /** The only origin that sees credentials, as `https://host:port`. */
  readonly origin: string;
  /** Longest time without a byte, before the answer and inside it [ms]. Default: 60,000. */
  readonly silenceMs?: number | undefined;
  /** Largest body that is read [bytes]. Default: none, for bodies whose reader counts. */
  readonly maxBytes?: number | undefined;
  /** Redirects that are followed. Default: 5. */
  readonly maxRedirects?: number | undefined;
  /** Requests in all, redirects and pages included. Default: none. */
  readonly maxRequests?: number | undefined;
}

type Fetch = typeof fetch;
type RequestBody = NonNullable<RequestInit["body"]>;

const DEFAULTS = { silenceMs: 60_000, maxRedirects: 5 } as const;

/** Slowest upload that is waited for [bytes/ms]: 64 KB/s. */
const UPLOAD_RATE = 64;

/** Headers that are a secret. */
const SECRETS = ["authorization", "cookie", "proxy-authorization"] as const;

/** Redirects of requests without a body. Source: RFC 9110, section 15.4. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Nothing arrived for too long. */
export class SilenceError extends Error {
  constructor(silenceMs: number) {
    super(`no byte arrived for ${silenceMs / 1000} s`);
    this.name = "SilenceError";
  }
}

/**
 * A `fetch` with these bounds. Redirects of GET and HEAD are followed, others are answers.
 *
 * @throws SlmError DATA_INVALID for a redirect that leaves https, for too many redirects or requests, and for a longer body;
 * {@link SilenceError}; what `fetch` throws
 */
export function guardedFetch(guard: FetchGuard): Fetch {
  const { silenceMs = DEFAULTS.silenceMs, maxRedirects = DEFAULTS.maxRedirects, maxRequests } = guard;
  let requests = 0;
  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    requests += 1;
    if (maxRequests !== undefined && requests > maxRequests)
      throw rejected(url, `more than ${maxRequests} requests for one answer`);
    const silence = new Silence(silenceMs, init.body);
    const signals = [silence.signal, ...(init.signal == null ? [] : [init.signal])];
    try {
      const response = await fetch(url, {
        ...init,
        headers: headersFor(url, init.headers, guard.origin),
        redirect: "manual",
        signal: AbortSignal.any(signals),
      });
      return bounded(response, silence, { url, maxBytes: guard.maxBytes });
    } catch (error) {
      throw silence.reasonOf(error);
    }
  };
  return async (input, init = {}) => {
    const method = (init.method ?? "GET").toUpperCase();
    let url = new URL(input instanceof Request ? input.url : input);
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
  const headers = new Headers(given);
  if (url.origin !== origin) for (const name of SECRETS) headers.delete(name);
  return headers;
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
  { url, maxBytes }: { readonly url: URL; readonly maxBytes: number | undefined },
): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) {
    silence.end();
    return response;
  }
  silence.end();
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
        if (maxBytes !== undefined && bytes > maxBytes) throw rejected(url, `more than ${maxBytes} bytes`);
        controller.enqueue(value);
      } catch (error) {
        const reason = silence.reasonOf(error);
        controller.error(reason);
        await reader.cancel(reason).catch(() => undefined);
      }
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  };
  const checked = new ReadableStream(source, { highWaterMark: 0 });
  const answer = new Response(checked, { status, statusText, headers });
  // A constructed answer has no address, and readers ask who answered.
  return Object.defineProperty(answer, "url", { value: response.url });
}

/** Aborts when nothing is heard. */
class Silence {
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, body: RequestInit["body"]) {
    this.#limitMs = limitMs;
    this.#wait(limitMs + uploadMs(body));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.#wait(this.#limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** The silence, if it is what made this error; the timer ends. */
  reasonOf(error: unknown): unknown {
    this.end();
    return this.signal.aborted ? (this.signal.reason as unknown) : error;
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new SilenceError(this.#limitMs));
    }, ms).unref();
  }
}

/** Time that sending a body of known size may take [ms]. */
function uploadMs(body: RequestInit["body"]): number {
  return sizeOf(body) / UPLOAD_RATE;
}

const sizeOf = (body: RequestBody | null | undefined): number =>
  typeof body === "string" ? Buffer.byteLength(body) : body instanceof Blob ? body.size : 0;
