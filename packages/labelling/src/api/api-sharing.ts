/** What several machines that ask one server have in common: the pace, the budget, and the answers that were paid for. */
import type { StoredAnswer } from "./api-answer.js";
import type { ApiFile } from "./api-file.js";
import type { Usage } from "./request-body.js";

/** Holds requests back. */
export interface RequestPace {
  /** Starts nothing for that long. */
  pause(ms: number): void;
  /** Resolves when a request may start. @throws the signal's reason */
  start(signal: AbortSignal): Promise<void>;
}

/** What was used. */
export interface Spending {
  readonly requests: number;
  readonly tokens: number;
}

/** Counts what is spent, so that no request starts that could exceed the budget. */
export interface RequestBudget {
  /** What is spent, as far as this machine knows. */
  readonly spent: Spending;
  /** Counts an answer that was paid for before. @param key hash of its request */
  count(usage: Usage, key: string): Promise<void> | void;
  /**
   * Reserves the upper bound of a request, and waits where only the reservations of running requests are in the way.
   *
   * @param key hash of the request
   * @returns settles the reservation: with the usage of the answer, or with nothing if no answer was billed
   * @throws SlmError BUDGET_EXCEEDED
   */
  reserve(bound: Usage, key: string): Promise<(usage: Usage | undefined) => Promise<void> | void>;
}

/** What an answer is found by. */
interface AnswerKeys {
  /** Hash of the request. */
  readonly request: string;
  /** Hash of the source and the target; undefined without a target. */
  readonly target: string | undefined;
}

/** Answers that were paid for. */
export interface PaidAnswers {
  /** The answer to a request. @throws SlmError DATA_INVALID for one that was changed */
  get(request: string): Promise<StoredAnswer | undefined>;
  /** An answer with this source and target. @throws SlmError DATA_INVALID for one that was changed */
  find(target: string): Promise<StoredAnswer | undefined>;
  /** Stores an answer; it is kept when the promise resolves. @throws SlmError OUTPUT_FAILED */
  put(keys: AnswerKeys, answer: StoredAnswer): Promise<void>;
}

/** For one server and model. */
export interface SharedRequests {
  readonly pace: RequestPace;
  readonly budget: RequestBudget;
  readonly answers: PaidAnswers;
}

export type ApiSharing = (file: ApiFile) => SharedRequests;
