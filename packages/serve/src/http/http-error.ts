/** Every failure as the error object that OpenAI's clients read, with the status that belongs to it. */
import { SlmError, type ErrorCode } from "@slm/core";

/** A rejection of the HTTP layer itself. */
const HTTP_REJECTIONS = {
  unauthorized: {
    status: 401,
    type: "authentication_error",
    message: "a valid API key is needed: Authorization: Bearer KEY",
  },
  notFound: {
    status: 404,
    type: "invalid_request_error",
    message: "no such path; GET /openapi.json lists them",
  },
  tooLarge: { status: 413, type: "invalid_request_error", message: "the request body is too large" },
  draining: { status: 503, type: "server_error", message: "the server is stopping" },
} as const;

export type HttpRejection = keyof typeof HTTP_REJECTIONS;

/** Statuses of our own errors; what has no row is a failure of the server. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  DATA_INVALID: 400,
  SHAPE_MISMATCH: 400,
  BUSY: 429,
  INTERRUPTED: 503,
};

/** Nginx's number for a client that went away; nobody reads it but the metrics. */
const CLIENT_GONE = 499;

/** What a request that took too long is answered. */
export class RequestTimeout extends SlmError {
  constructor(seconds: number) {
    super("INTERRUPTED", `the answer took longer than ${seconds} s`);
  }
}

/** What a request whose client has gone ends with. */
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

/** A bad request that a schema rejected. */
export function invalidRequest(message: string): HttpError {
  return {
    status: 400,
    body: { error: { message, type: "invalid_request_error", code: "invalid_request", param: null } },
    headers: {},
  };
}

/** Anything thrown. A bug's message stays here: it may name files of this machine. */
export function toHttpError(error: unknown): HttpError {
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
    error: { message: "the server failed", type: "server_error", code: "UNEXPECTED", param: null },
  };
  return { status: 500, body, headers: {} };
}

function failure(status: number, type: string, { message, code }: SlmError): HttpError {
  return { status, body: { error: { message, type, code, param: null } }, headers: {} };
}
