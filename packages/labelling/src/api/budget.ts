/** The hard budget of a teacher behind a server: no request starts that could exceed it. */
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

  /** @param limit most tokens; undefined: any number */
  constructor(limit: ApiLimits["budget"]) {
    this.#limit = limit ?? Infinity;
  }

  /** Counts what was paid already. */
  count(usage: Usage): void {
    this.#used.requests += 1;
    this.#used.input += usage.input;
    this.#used.output += usage.output;
  }

  /**
   * Reserves the upper bound of a request. Waits for running requests where only their reservations are in the way.
   *
   * @returns settles the reservation: with the usage of the answer, or with nothing if no answer was billed
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

  /** Whether a further request could exceed the budget. */
  #mayExceed({ input, output }: Usage): boolean {
    let tokens = this.spent.tokens + input + output;
    for (const { bound } of this.#reserved) tokens += bound.input + bound.output;
    return tokens > this.#limit;
  }
}

/** The error of a request that could exceed the budget. @param spent before it */
export function budgetExceeded(limit: number | undefined, spent: Spending, bound: Usage): SlmError {
  return new SlmError(
    "BUDGET_EXCEEDED",
    `teacher: the budget of ${String(limit)} tokens is used up: ${spent.tokens} tokens are spent, ` +
      `and the next request may cost ${bound.input + bound.output} tokens; all answers are kept`,
    {
      context: { limit, ...spent, nextRequest: bound },
      suggestions: ["--set teacher.budget=TOKENS with a higher limit goes on where this run stopped"],
    },
  );
}
