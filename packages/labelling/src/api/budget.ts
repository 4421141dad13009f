/** The hard budget of a teacher that a server runs. A request that could exceed it does not start. */
import { SlmError } from "@slm/core";
import type { ApiLimits } from "./api-file.js";
import type { RequestBudget, Spending } from "./api-sharing.js";
import type { Usage } from "./request-body.js";

interface Reservation {
  readonly bound: Usage;
}

export class Budget implements RequestBudget {
  readonly #limit: number;
  readonly #used = { requests: 0, input: 0, output: 0 };
  readonly #reserved = new Set<Reservation>();
  #waiting: (() => void)[] = [];

  /** @param limit token limit; undefined: no limit */
  constructor(limit: ApiLimits["budget"]) {
    this.#limit = limit ?? Infinity;
  }

  /** Counts tokens that were already paid for. */
  count(usage: Usage): void {
    this.#used.requests += 1;
    this.#used.input += usage.input;
    this.#used.output += usage.output;
  }

  /**
   * Reserves the upper bound of a request's tokens. Waits for running requests if only their reservations prevent it.
   *
   * @returns a function that settles the reservation with the usage of the answer, or without arguments if no answer was billed
   * @throws SlmError BUDGET_EXCEEDED if the request could exceed the budget
   */
  async reserve(bound: Usage): Promise<(usage: Usage | undefined) => void> {
    while (this.#mayExceed(bound)) {
      if (this.#reserved.size === 0) throw budgetExceeded(this.#limit, this.spent, bound);
      await new Promise<void>((resume) => this.#waiting.push(resume));
    }
    const reservation = { bound };
    this.#reserved.add(reservation);
    return (usage) => {
      this.#reserved.delete(reservation);
      this.count(usage ?? { input: 0, output: 0 });
      const resumed = this.#waiting;
      this.#waiting = [];
      for (const resume of resumed) resume();
    };
  }

  get spent(): Spending {
    const { requests, input, output } = this.#used;
    return { requests, tokens: input + output };
  }

  /** Whether another request could exceed the budget. */
  #mayExceed({ input, output }: Usage): boolean {
    let tokens = this.spent.tokens + input + output;
    for (const { bound } of this.#reserved) tokens += bound.input + bound.output;
    return tokens > this.#limit;
  }
}

/** The error for a request that could exceed the budget. @param spent tokens spent before it */
export function budgetExceeded(limit: number | undefined, spent: Spending, bound: Usage): SlmError {
  return new SlmError(
    "BUDGET_EXCEEDED",
    `teacher: the budget of ${String(limit)} tokens is used up: ${spent.tokens} tokens were spent, ` +
      `and the next request may cost ${bound.input + bound.output} tokens; all answers are kept`,
    {
      context: { limit, ...spent, nextRequest: bound },
      suggestions: ["--set teacher.budget=TOKENS with a higher limit continues this run"],
    },
  );
}
