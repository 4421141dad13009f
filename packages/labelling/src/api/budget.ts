/** The hard budget of a teacher behind a server: no request starts that could exceed it. */
import { SlmError } from "@slm/core";
import type { ApiLimits } from "./api-file.js";
import type { RequestBudget, Spending } from "./api-sharing.js";
import type { Usage } from "./request-body.js";

interface Reservation {
  readonly bound: Usage;
}

const MILLION = 1_000_000;

/** The price of tokens; undefined where none is set. */
export function priceOf(price: ApiLimits["price"], { input, output }: Usage): number | undefined {
  if (price === undefined) return undefined;
  return (input * price.perMillionInputTokens + output * price.perMillionOutputTokens) / MILLION;
}

export class Budget implements RequestBudget {
  readonly #limits: Pick<ApiLimits, "budget" | "price">;
  readonly #used = { requests: 0, input: 0, output: 0 };
  readonly #reserved = new Set<Reservation>();
  #waiting: (() => void)[] = [];

  constructor(limits: Pick<ApiLimits, "budget" | "price">) {
    this.#limits = limits;
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
    let exceeded = this.#exceededBy(bound);
    while (exceeded !== undefined && this.#reserved.size > 0) {
      await new Promise<void>((resume) => this.#waiting.push(resume));
      exceeded = this.#exceededBy(bound);
    }
    if (exceeded !== undefined) throw budgetExceeded(exceeded, this.#limits, this.spent, bound);
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
    return { requests, tokens: input + output, price: priceOf(this.#limits.price, this.#used) };
  }

  /** The limit that a further request could exceed. */
  #exceededBy(bound: Usage): keyof Spending | undefined {
    const { budget = {} } = this.#limits;
    let { requests, input, output } = this.#used;
    for (const { bound: running } of this.#reserved) {
      requests += 1;
      input += running.input;
      output += running.output;
    }
    const after: Spending = {
      requests: requests + 1,
      tokens: input + bound.input + output + bound.output,
      price: priceOf(this.#limits.price, { input: input + bound.input, output: output + bound.output }),
    };
    return (["requests", "tokens", "price"] as const).find(
      (name) => (after[name] ?? 0) > (budget[name] ?? Infinity),
    );
  }
}

/** The error of a request that could exceed a limit. @param spent before it */
export function budgetExceeded(
  name: keyof Spending,
  { budget }: Pick<ApiLimits, "budget">,
  spent: Spending,
  bound: Usage,
): SlmError {
  const limit = budget?.[name];
  return new SlmError(
    "BUDGET_EXCEEDED",
    `teacher: the budget of ${String(limit)} ${UNITS[name]} is used up: ${formatAmount(spent[name] ?? 0)} ${UNITS[name]} are spent, ` +
      `and the next request may cost ${bound.input + bound.output} tokens; all answers are kept`,
    {
      context: { limit, ...spent, nextRequest: bound },
      suggestions: [`--set teacher.budget.${name}=LIMIT with a higher limit goes on where this run stopped`],
    },
  );
}

const UNITS: Readonly<Record<keyof Spending, string>> = {
  requests: "requests",
  tokens: "tokens",
  price: "in price",
};

/** A number with at most four decimals. */
export function formatAmount(value: number): string {
  return String(Math.round(value * 10_000) / 10_000);
}
