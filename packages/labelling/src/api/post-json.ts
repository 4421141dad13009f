/**
 * Sends one request to a server, with limits on time and size. The key is sent only to the server's own address, because redirects are not
 * followed.
 */
import { guardedFetch, NetworkError, SilenceError, SLM_VERSION, SlmError, systemCode } from "@slm/core";

/** Longest response to read [bytes]. 1,000 tokens with 20 log-probabilities each are about 2 MB. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024;

export interface JsonPost {
  readonly url: string;
  readonly body: unknown;
  readonly key: string | undefined;
  /** Longest time without a byte [ms]. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A connection that could not be opened, or broke before the response was complete. Trying again may help. */
export class ConnectionError extends Error {
  /** Whether the request may have reached the server, which may bill it. */
  readonly mayBeBilled: boolean;

  constructor(message: string, mayBeBilled: boolean, cause: unknown) {
    super(message, { cause });
    this.name = "ConnectionError";
    this.mayBeBilled = mayBeBilled;
  }
}

/** System codes of connections that were never opened. */
const UNSENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Codes of rejected certificates. Source: Node's documentation of TLS, "X509 certificate error codes". */
const CERTIFICATE = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(VERIFY|GET))/u;

/**
 * @throws ConnectionError; SlmError DEVICE_UNAVAILABLE for a rejected certificate, DATA_INVALID for a response that is too long; the
 * signal's reason
 */
export async function postJson({ url, body, key, silenceMs, signal }: JsonPost): Promise<HttpAnswer> {
  const { origin } = new URL(url);
  const send = guardedFetch({ origin, silenceMs, maxBytes: MAX_RESPONSE_BYTES, maxRedirects: 0 });
  try {
    const response = await send(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "user-agent": `slm/${SLM_VERSION}`,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
      signal,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof NetworkError ? connectionFailure(error, url) : error;
  }
}

function connectionFailure(error: NetworkError, url: string): Error {
  const { cause, reason } = error;
  if (error instanceof SilenceError) return new ConnectionError(reason, true, error);
  const code = systemCode(cause) ?? "";
  if (CERTIFICATE.test(code)) {
    return new SlmError(
      "DEVICE_UNAVAILABLE",
      `teacher: the certificate of ${new URL(url).host} was rejected: ${reason}`,
      {
        context: { systemCode: code },
        suggestions: ["NODE_EXTRA_CA_CERTS=FILE adds certificate authorities"],
        cause,
      },
    );
  }
  return new ConnectionError(reason, !UNSENT.has(code), cause);
}
