/** Converts every failure to OpenAI's error object with an HTTP status. */
import { SlmError, type ErrorCode } from "@slm/core";

/** A rejection of the HTTP layer itself. */
const HTTP_REJECTIONS = {
  unauthorized: {
    status: 401,
    type: "authentication_error",
    message: "a valid API key is required: Authorization: Bearer KEY",
  },
  notFound: {
    status: 404,
    type: "invalid_request_error",
    message: "no such path; GET /openapi.json lists them",
  },
  host: {
    status: 403,
    type: "invalid_request_error",
    message: "the name in the Host header is not allowed; allow it with slm serve --allow-host NAME",
  },
  notJson: {
    status: 415,
    type: "invalid_request_error",
    message: "the body must be JSON: content-type: application/json",
  },
  tooLarge: { status: 413, type: "invalid_request_error", message: "the request body is too large" },
  draining: { status: 503, type: "server_error", message: "the server is stopping" },
} as const;

export type HttpRejection = keyof typeof HTTP_REJECTIONS;

/** Thrown to reject a request. */
export class Rejected extends Error {
  readonly rejection: HttpRejection;

  constructor(name: HttpRejection) {
    super(HTTP_REJECTIONS[name].message);
    this.rejection = name;
  }
}

/** HTTP statuses of SlmError codes. A code without a row is an internal error. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  DATA_INVALID: 400,
  SHAPE_MISMATCH: 400,
  OP_UNSUPPORTED: 400,
  BUSY: 429,
  INTERRUPTED: 503,
};

/** Nginx's status for a closed connection. Visible in the metrics only. */
const CLIENT_GONE = 499;

/** The error of a request that timed out. */
export class RequestTimeout extends SlmError {
  constructor(seconds: number) {
    super("INTERRUPTED", `the answer took longer than ${seconds} s`);
  }
}

/** The error of a request whose client disconnected. */
export class ClientGone extends SlmError {
  constructor() {
    super("INTERRUPTED", "the client closed the connection");
  }
}

export interface HttpError {
  readonly status: number;
  readonly body: {
    readonly error: {
      readonly message: string;
      readonly type: string;
      readonly code: string;
      readonly param: null;
    };
  };
  readonly headers: Readonly<Record<string, string>>;
}

export function rejection(name: HttpRejection): HttpError {
  const { status, type, message } = HTTP_REJECTIONS[name];
  return { status, body: { error: { message, type, code: name, param: null } }, headers: {} };
}

/** Converts anything thrown. The message of an internal error is not sent, because it may contain local paths. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof Rejected) return rejection(error.rejection);
  if (error instanceof ClientGone) return failure(CLIENT_GONE, "server_error", error);
  if (error instanceof RequestTimeout) return failure(504, "server_error", error);
  if (error instanceof SlmError) {
    const status = STATUSES[error.code] ?? 500;
    if (status === 429)
      return { ...failure(status, "rate_limit_error", error), headers: { "retry-after": "1" } };
    if (status < 500) return failure(status, "invalid_request_error", error);
    if (status === 503) return failure(status, "server_error", error);
  }
  const body = {
    error: { message: "internal server error", type: "server_error", code: "UNEXPECTED", param: null },
  };
  return { status: 500, body, headers: {} };
}

function failure(status: number, type: string, { message, code }: SlmError): HttpError {
  return { status, body: { error: { message, type, code, param: null } }, headers: {} };
}
