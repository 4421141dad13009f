/** What can go wrong between this machine and a server. None of it is a bug of slm. */
import { SlmError } from "../errors/slm-error.js";

/** A connection that could not be made, or that broke. Trying again may help. */
export class NetworkError extends SlmError {
  /** Why, in the system's words. */
  readonly reason: string;

  constructor({ host }: URL, error: unknown) {
    // fetch says "fetch failed" or "terminated" and keeps the reason in the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = reasonOf(cause);
    super("DEVICE_UNAVAILABLE", `${host}: the connection failed: ${reason}`, {
      context: { host },
      suggestions: [
        "run the same command again",
        "HTTPS_PROXY and NO_PROXY name a proxy and who is asked without it",
      ],
      cause,
    });
    this.name = "NetworkError";
    this.reason = reason;
  }
}

/** Nothing arrived for too long. */
export class SilenceError extends NetworkError {
  constructor(url: URL, silenceMs: number) {
    super(url, new Error(`no byte arrived for ${silenceMs / 1000} s`));
    this.name = "SilenceError";
  }
}

/** Bytes arrived, but too few of them. */
export class SlownessError extends NetworkError {
  constructor(url: URL, totalMs: number) {
    super(url, new Error(`the answer took longer than ${totalMs / 1000} s at less than 1 KB/s`));
    this.name = "SlownessError";
  }
}

/** The message of an error, of the first of several (one per address of a host), or its code. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  const code = "code" in cause ? String(cause.code) : cause.name;
  return cause.message || (first instanceof Error ? first.message : "") || code;
}
