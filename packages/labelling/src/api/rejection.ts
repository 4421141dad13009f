/** Interprets a response without an answer: try again, no answer for this row, or an error. */
import { parsedJson, SlmError, type ErrorCode } from "@slm/core";
import { z } from "zod";
import type { HttpAnswer } from "./post-json.js";

/** Meaning of a rejected request. */
export type Rejection =
  | {
      readonly kind: "retry";
      readonly reason: string;
      readonly waitMs: number | undefined;
      readonly isForAll: boolean;
    }
  | { readonly kind: "row"; readonly outcome: "refused" | "tooLong" }
  | { readonly kind: "fatal"; readonly error: SlmError };

export interface RejectedRequest {
  readonly url: string;
  readonly answer: HttpAnswer;
  readonly apiKeyEnv: string | undefined;
  readonly key: string | undefined;
}

const errorFields = z.object({
  message: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
});
/** OpenAI's error format. llama-cpp-python and others leave out the outer object. */
const errorBody = z.union([z.object({ error: errorFields }).transform(({ error }) => error), errorFields]);

/** Words in error codes and messages that concern only one row. Servers differ in both, and vLLM sends only a message. */
const ROW_RULES: readonly { readonly words: RegExp; readonly outcome: "refused" | "tooLong" }[] = [
  { words: /content_filter|content_policy|ResponsibleAIPolicyViolation|moderation/iu, outcome: "refused" },
  {
    words:
      /context_length_exceeded|exceed_context_size|maximum context length|exceeds? the available context|context window/iu,
    outcome: "tooLong",
  },
];
const ROW_STATUSES: ReadonlySet<number> = new Set([400, 403, 413, 422]);

/** A used-up paid quota is not a rate limit. */
const NO_QUOTA = /insufficient_quota|billing/iu;

/** Whether trying again may help. */
const isTransient = (status: number): boolean => status === 408 || status === 429 || status >= 500;

interface Fatal {
  readonly code: ErrorCode;
  readonly why: (request: RejectedRequest) => string;
  readonly suggestions: (request: RejectedRequest) => readonly string[];
}

const noKey: Fatal = {
  code: "CONFIG_INVALID",
  why: ({ apiKeyEnv }) =>
    apiKeyEnv === undefined ? "not authorized without a key" : `not authorized with the key of ${apiKeyEnv}`,
  suggestions: ({ apiKeyEnv }) =>
    apiKeyEnv === undefined
      ? ["--set teacher.apiKeyEnv=NAME with the name of the environment variable that contains the key"]
      : [`set ${apiKeyEnv} to a key for this server`],
};

const FATAL: Readonly<Record<number, Fatal>> = {
  401: noKey,
  403: noKey,
  404: {
    code: "CONFIG_INVALID",
    why: () => "the address or model does not exist",
    suggestions: () => ["check teacher.baseUrl, which usually ends with /v1, and teacher.model"],
  },
};

const otherFatal: Fatal = {
  code: "CONFIG_INVALID",
  why: () => "the server rejected the request",
  suggestions: () => [
    "--set 'teacher.extra={max_completion_tokens: 256}' for a server that rejects max_tokens",
    "change teacher.prompt or teacher.extra",
  ],
};

/** The meaning of a response with a status other than 200, or with an error in its body. */
export function rejectionOf(request: RejectedRequest): Rejection {
  const { answer, key } = request;
  const fields = errorBody.safeParse(parsedJson(answer.text)).data ?? {};
  const status = statusOf(answer, fields.code);
  const words = [fields.code, fields.type, fields.message].join(" ");
  const row = ROW_STATUSES.has(status) ? ROW_RULES.find((rule) => rule.words.test(words)) : undefined;
  if (row !== undefined) return { kind: "row", outcome: row.outcome };
  const detail = withoutKey(fields.message ?? answer.text, key);
  if (isTransient(status) && !NO_QUOTA.test(words)) {
    const waitMs = retryAfterMs(answer.headers.get("retry-after"));
    const isForAll = status === 429 || waitMs !== undefined;
    return { kind: "retry", reason: `status ${status} ${detail}`.trim(), waitMs, isForAll };
  }
  return { kind: "fatal", error: fatalError(request, status, detail) };
}

function fatalError(request: RejectedRequest, status: number, detail: string): SlmError {
  const { url, answer } = request;
  if (status >= 300 && status < 400) return redirected(url, answer.headers.get("location"));
  const { code, why, suggestions } = FATAL[status] ?? otherFatal;
  return new SlmError(code, `POST ${url}: ${why(request)} (${status}) ${detail}`.trim(), {
    context: { url, status },
    suggestions: suggestions(request),
  });
}

function redirected(url: string, location: string | null): SlmError {
  const target = location !== null && URL.canParse(location, url) ? new URL(location, url) : undefined;
  const where = target === undefined ? "elsewhere" : `to ${target.origin}${target.pathname}`;
  return new SlmError(
    "CONFIG_INVALID",
    `POST ${url}: the server redirects ${where}; redirects are not followed`,
    {
      suggestions: ["set teacher.baseUrl to the final address"],
    },
  );
}

/** Some servers send status 200 and the real status in the body. */
function statusOf({ status }: HttpAnswer, code: string | number | undefined): number {
  const inBody = Number(code);
  return status === 200 && Number.isInteger(inBody) && inBody >= 400 && inBody < 600 ? inBody : status;
}

/** Waiting time of a Retry-After header [ms]: seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(\.\d+)?$/u.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The start of a server's text for a message: one printable line, without the key. */
function withoutKey(text: string, key: string | undefined): string {
  const clean = key === undefined ? text : text.replaceAll(key, "(key)");
  return clean
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, 500);
}
