/** State shared by machines that use the same server: the rate limit, the budget, and the answers that were paid for. */
import type { StoredAnswer } from "./api-answer.js";
import type { ApiFile } from "./api-file.js";
import type { Usage } from "./request-body.js";

/** Delays requests. */
export interface RequestPace {
  /** Starts no requests for this time. */
  pause(ms: number): void;
  /** Resolves when a request may start. @throws the signal's reason */
  start(signal: AbortSignal): Promise<void>;
}

/** Tokens used. */
export interface Spending {
  readonly requests: number;
  readonly tokens: number;
}

/** Counts the tokens spent, and starts no request that could exceed the budget. */
export interface RequestBudget {
  /** Tokens spent, as far as this machine knows. */
  readonly spent: Spending;
  /** Counts an answer that was paid for earlier. @param key hash of its request */
  count(usage: Usage, key: string): Promise<void> | void;
  /**
   * Reserves the upper bound of a request's tokens. Waits if only the reservations of running requests prevent it.
   *
   * @param key hash of the request
   * @returns a function that settles the reservation with the usage of the answer, or without arguments if no answer was billed
   * @throws SlmError BUDGET_EXCEEDED
   */
  reserve(bound: Usage, key: string): Promise<(usage: Usage | undefined) => Promise<void> | void>;
}

/** Storage of answers that were paid for. */
export interface PaidAnswers {
  /** The answer to a request. @throws SlmError DATA_INVALID if it was changed */
  get(request: string): Promise<StoredAnswer | undefined>;
  /** Stores an answer. It is saved when the promise resolves. @throws SlmError OUTPUT_FAILED */
  put(request: string, answer: StoredAnswer): Promise<void>;
}

/** The state for one server and model. */
export interface SharedRequests {
  readonly pace: RequestPace;
  readonly budget: RequestBudget;
  readonly answers: PaidAnswers;
}

export type ApiSharing = (file: ApiFile) => SharedRequests;
