/**
 * `fetch` for untrusted servers. It sends credentials only to their origin, limits redirects and never follows one from https to http,
 * limits silence and size, uses the proxies of the environment, and reports network failures as {@link NetworkError}. The model hub, OCI
 * registries and teacher APIs are accessed only through it.
 */
import type { UnderlyingSource } from "node:stream/web";
import { NetworkError, SilenceError, SlownessError } from "./network-error.js";
import { fetchByProxy } from "./proxied-fetch.js";
import { Silence, SilenceReached, TotalReached } from "./silence.js";
import { SlmError } from "../errors/slm-error.js";

export interface FetchGuard {
  /** The only origin that receives credentials, as `https://host:port`. */
  readonly origin: string;
  /** Longest time without a byte, before and during the response [ms]. Default: 60,000. */
  readonly silenceMs?: number | undefined;
  /** Longest total time of the server, plus one second for each KB that is received or sent [ms]. Default: 600,000. */
  readonly totalMs?: number | undefined;
  /** Size limit of a body [bytes]. Default: no limit; then the reader must count. */
  readonly maxBytes?: number | undefined;
  /** Number of redirects to follow. Default: 5. */
  readonly maxRedirects?: number | undefined;
  /** Limit of requests, including redirects and pages. Default: no limit. */
  readonly maxRequests?: number | undefined;
}

/** Like `fetch`, but only for a URL and options. A `Request` is not supported, because its body and many other fields would have to be copied. */
export type GuardedFetch = (address: string | URL, init?: RequestInit) => Promise<Response>;

const DEFAULTS = { silenceMs: 60_000, totalMs: 600_000, maxRedirects: 5 } as const;

/** Headers with secrets. */
const SECRETS = ["authorization", "cookie", "proxy-authorization"] as const;

/** Redirects of requests without a body. Source: RFC 9110, section 15.4. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Responses without a body. Source: the Fetch standard, "null body status". */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` with these limits. It follows redirects of GET and HEAD, and returns other redirects as responses.
 *
 * @throws SlmError DATA_INVALID for a redirect from https to http, for too many redirects or requests, for a body that is too long, and for
 * an invalid response; CONFIG_INVALID for a header that cannot be sent; {@link NetworkError}; the reason of the caller's signal; TypeError
 * for a `Request`
 */
export function guardedFetch(guard: FetchGuard): GuardedFetch {
  const { silenceMs = DEFAULTS.silenceMs, totalMs = DEFAULTS.totalMs } = guard;
  const { maxRedirects = DEFAULTS.maxRedirects, maxRequests } = guard;
  let requests = 0;
  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    requests += 1;
    if (maxRequests !== undefined && requests > maxRequests)
      throw rejected(url, `more than ${maxRequests} requests for one response`);
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
      throw new TypeError("guardedFetch expects a URL and options, not a Request");
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

/** The headers to send to a URL. */
function headersFor(url: URL, given: RequestInit["headers"], origin: string): Headers {
  const headers = readHeaders(given, url);
  if (url.origin !== origin) for (const name of SECRETS) headers.delete(name);
  return headers;
}

/** @throws SlmError CONFIG_INVALID. The error does not show the header, because it may be a secret. */
function readHeaders(given: RequestInit["headers"], { host }: URL): Headers {
  try {
    return new Headers(given);
  } catch {
    throw new SlmError(
      "CONFIG_INVALID",
      `${host}: a token or key contains characters that are not allowed in an HTTP header`,
      {
        context: { host },
        suggestions: ["check the environment variables with tokens and keys for line breaks and quotes"],
      },
    );
  }
}

/** The error to throw if a request or the body of its response fails. */
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
    throw rejected(from, "a redirect to an address that is not http or https");
  if (from.protocol === "https:" && to.protocol !== "https:")
    throw rejected(from, `a redirect from https to unencrypted http at ${to.host}`);
  // A user and password in the URL would become a header.
  to.username = "";
  to.password = "";
  return to;
}

function rejected({ host, pathname }: URL, what: string): SlmError {
  return new SlmError("DATA_INVALID", `${host}${pathname}: ${what}`, { context: { host } });
}

/** The response with a body that fails if it is silent or too long. */
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
  // `fetch` cannot return other statuses.
  if (status < 200 || status > 599) throw rejected(url, `a response with status ${status}`);
  if (body === null || WITHOUT_BODY.has(status)) {
    body?.cancel().catch(() => undefined);
    return answerOf(null, { status, headers, url: response.url });
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  let bytes = 0;
  const source: UnderlyingSource<Uint8Array> = {
    async pull(controller) {
      try {
        // Only the server's silence counts, not the time of the body's reader.
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

/** The status text is left out, because a server can send text that a response must not contain. */
function answerOf(
  body: ReadableStream<Uint8Array> | null,
  { status, headers, url }: Pick<Response, "status" | "headers" | "url">,
): Response {
  // Invalid headers of a server are reported here. If a web framework replaces Node's `Response`, they would otherwise be reported only
  // when the body is read.
  const checked = new Headers(headers);
  // A constructed response has no URL, but readers use it.
  return Object.defineProperty(new Response(body, { status, headers: checked }), "url", { value: url });
}
