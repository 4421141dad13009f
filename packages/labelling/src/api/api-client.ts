/** Requests one answer from a server, with a rate limit, a budget and retries. */
import { setTimeout as sleep } from "node:timers/promises";
import { SlmError } from "@slm/core";
import { readAnswer, type StoredAnswer } from "./api-answer.js";
import type { ApiLimits } from "./api-file.js";
import type { RequestBudget, RequestPace } from "./api-sharing.js";
import { ConnectionError, postJson, type HttpAnswer } from "./post-json.js";
import { rejectionOf } from "./rejection.js";
import type { AnswerRequest } from "./request-body.js";

/** Pause before the second attempt [ms]; it doubles with every further attempt. */
export const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** Default number of retries. */
export const RETRIES = 5;
/** Default longest time without data: a large model can think for minutes [ms]. */
export const SILENCE_MS = 300_000;
/** Longest wait that a server can ask for [ms]. After a longer one the request fails. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

export interface ApiClientOptions {
  readonly limits: ApiLimits;
  readonly pace: RequestPace;
  readonly budget: RequestBudget;
  /** Retries after status 408, 429 or 5xx, or a broken connection. */
  readonly retries: number;
  readonly firstPauseMs: number;
  /** Longest time without data from the server [ms]. */
  readonly silenceMs: number;
  /** Called after every failed attempt. */
  readonly onRetry: (reason: string) => void;
}

/** An answer, or the reason why there is none for this row. Only answers are stored. */
export type Reply = StoredAnswer | "tooLong";

type Attempt = Reply | { readonly reason: string; readonly waitMs: number | undefined };

const isReply = (attempt: Attempt): attempt is Reply => typeof attempt === "string" || "finish" in attempt;

export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /**
   * @param signals `start` stops waiting, `request` also stops a running request
   * @throws SlmError BUDGET_EXCEEDED, CONFIG_INVALID for a rejected request or a missing key, DEVICE_UNAVAILABLE after the last attempt,
   * DATA_INVALID for a response in another format; the reason of a signal
   */
  async request(
    request: AnswerRequest,
    signals: { readonly start: AbortSignal; readonly request: AbortSignal },
  ): Promise<Reply> {
    const { pace, retries, firstPauseMs, onRetry } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      await pace.start(signals.start);
      const made = await this.#attempt(request, signals.request);
      if (isReply(made)) return made;
      if (attempt === retries) throw gaveUp(request.url, made.reason, attempt + 1);
      if ((made.waitMs ?? 0) > MAX_RETRY_AFTER_MS) throw gaveUp(request.url, made.reason, attempt + 1);
      onRetry(made.reason);
      // Between half of it and all of it, so that requests that failed together are not repeated together.
      const backOff = Math.min(firstPauseMs * 2 ** attempt, MAX_PAUSE_MS) * (0.5 + Math.random() / 2);
      await sleep(Math.max(backOff, made.waitMs ?? 0), undefined, { signal: signals.start });
    }
  }

  async #attempt(request: AnswerRequest, signal: AbortSignal): Promise<Attempt> {
    const { limits, budget, pace, silenceMs } = this.#options;
    const key = readKey(limits.apiKeyEnv);
    const settle = await budget.reserve(request.bound, request.key);
    let billed: StoredAnswer["usage"];
    try {
      const { url, body } = request;
      const answer = await postJson({ url, body, key, silenceMs, signal });
      const value = valueOf(answer);
      if (value !== undefined) {
        billed = request.bound; // Replaced below if the response contains it.
        const stored = readAnswer(value, `POST ${url}`);
        billed = stored.usage ?? request.bound;
        return stored;
      }
      const rejection = rejectionOf({ url, answer, apiKeyEnv: limits.apiKeyEnv, key });
      if (rejection.kind === "fatal") throw rejection.error;
      if (rejection.kind === "row")
        return rejection.outcome === "tooLong" ? "tooLong" : { finish: "content_filter" };
      if (rejection.isForAll && rejection.waitMs !== undefined) pace.pause(rejection.waitMs);
      return rejection;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (error.mayBeBilled) billed = request.bound;
      return { reason: error.message, waitMs: undefined };
    } finally {
      await settle(billed);
    }
  }
}

/** The body of a response with an answer; undefined for an error. */
function valueOf({ status, text }: HttpAnswer): object | undefined {
  if (status !== 200) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { form: "not JSON" }; // Reading it reports the error.
  }
  if (typeof value !== "object" || value === null) return { form: typeof value };
  return "error" in value && value.error !== null && !("choices" in value) ? undefined : value;
}

/**
 * The key. It is read for every request and not kept in memory.
 *
 * @throws SlmError CONFIG_INVALID if the variable is not set, or contains characters that are not allowed in an HTTP header
 */
export function readKey(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/u.test(key)) return key;
  const found =
    key === "" ? "it is not set" : "it contains characters that are not allowed in an HTTP header";
  throw new SlmError(
    "CONFIG_INVALID",
    `teacher.apiKeyEnv: expected a key in the environment variable ${variable}, but ${found}`,
    {
      suggestions: [`export ${variable}=KEY`],
    },
  );
}

const gaveUp = (url: string, reason: string, attempts: number): SlmError =>
  new SlmError(
    "DEVICE_UNAVAILABLE",
    `POST ${url}: no answer in ${attempts} ${attempts === 1 ? "attempt" : "attempts"}: ${reason}; earlier answers are kept`,
    {
      context: { url, attempts },
      suggestions: ["run the same command again to continue"],
    },
  );
