/** Errors of the network. They are not bugs in slm. */
import { SlmError } from "../errors/slm-error.js";

/** A connection that could not be opened, or that broke. Trying again may help. */
export class NetworkError extends SlmError {
  /** The reason from the system. */
  readonly reason: string;

  constructor({ host }: URL, error: unknown) {
    // The message of fetch is only "fetch failed" or "terminated"; the reason is in the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = reasonOf(cause);
    super("DEVICE_UNAVAILABLE", `${host}: the connection failed: ${reason}`, {
      context: { host },
      suggestions: [
        "run the same command again",
        "HTTPS_PROXY sets a proxy, and NO_PROXY the hosts to connect to without it",
      ],
      cause,
    });
    this.name = "NetworkError";
    this.reason = reason;
  }
}

/** No byte arrived for too long. */
export class SilenceError extends NetworkError {
  constructor(url: URL, silenceMs: number) {
    super(url, new Error(`no data arrived for ${silenceMs / 1000} s`));
    this.name = "SilenceError";
  }
}

/** Bytes arrived too slowly. */
export class SlownessError extends NetworkError {
  constructor(url: URL, totalMs: number) {
    super(url, new Error(`the response took longer than ${totalMs / 1000} s at less than 1 KB/s`));
    this.name = "SlownessError";
  }
}

/** The message or code of an error; of several errors (one per address of a host), the first one's. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  const code = "code" in cause ? String(cause.code) : cause.name;
  return cause.message || (first instanceof Error ? first.message : "") || code;
}
