/**
 * Rate limits and budget of one API that several workers share, in Redis, where every decision is one atomic script. BullMQ limits only the
 * start of jobs. A job has many requests, and APIs also limit tokens, so requests are counted here.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { PREFIX } from "./messages.js";
import type { RedisAddress } from "./redis-address.js";

const MINUTE_MS = 60_000;
/** Longest sleep before asking again whether a request can start [ms], because another worker can set a pause meanwhile. */
const ASK_AGAIN_MS = 1_000;
/** After this time, a reservation of a dead worker counts as spent [ms]. */
const RESERVED_MS = 20 * MINUTE_MS;
/** Means no limit in scripts. */
const NONE = -1;

interface Amount {
  readonly input: number;
  readonly output: number;
}

/** The limits of one API. Absent: no limit. */
interface SharedLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly budget?: Readonly<Partial<Record<BudgetName, number | undefined>>> | undefined;
  /** Per token. */
  readonly price?: Amount | undefined;
}

type BudgetName = "requests" | "tokens" | "price";
const BUDGET_NAMES = ["requests", "tokens", "price"] as const;

/** Usage: requests, input tokens and output tokens. */
interface SharedSpending extends Amount {
  readonly requests: number;
}

/**
 * Returns 0 and counts the request if it can start now, otherwise the time to wait [ms]. KEYS: starts, pause. ARGV: tokens, limits, name of
 * the start
 */
const START = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local paused = tonumber(redis.call('GET', KEYS[2]) or '0')
if paused > now then return paused - now end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${MINUTE_MS})
local starts = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local sum = 0
for i = 1, #starts, 2 do sum = sum + tonumber(string.match(starts[i], '^%d+')) end
local count = #starts / 2
local tokens, most, mostTokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local fits = (most == ${NONE} or count < most) and (mostTokens == ${NONE} or sum + tokens <= mostTokens)
if fits or count == 0 then
  redis.call('ZADD', KEYS[1], now, ARGV[1] .. ':' .. ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ${2 * MINUTE_MS})
  return 0
end
return math.max(1, tonumber(starts[2]) + ${MINUTE_MS} - now)`;

/** Pauses all starts for ARGV[1] ms. KEYS: pause */
const PAUSE = `
local t = redis.call('TIME')
local till = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
if till > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%d', till), 'PX', math.ceil(tonumber(ARGV[1])))
end
return 0`;

/**
 * Reserves an amount. KEYS: used, reserved. ARGV: name, input, output, limits of requests, tokens and price, price per input and output
 * token. Returns 0 if reserved, 1 if only other reservations prevent it, 2 to 4 for the limit that would be exceeded; then the usage.
 */
const RESERVE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function used(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local requests, input, output = 0, 0, 0
local held = redis.call('HGETALL', KEYS[2])
for i = 1, #held, 2 do
  local a, b, till = string.match(held[i + 1], '^(%d+):(%d+):(%d+)$')
  if tonumber(till) < now then
    redis.call('HDEL', KEYS[2], held[i])
    redis.call('HINCRBY', KEYS[1], 'requests', 1)
    redis.call('HINCRBY', KEYS[1], 'input', a)
    redis.call('HINCRBY', KEYS[1], 'output', b)
  else
    requests, input, output = requests + 1, input + tonumber(a), output + tonumber(b)
  end
end
local spent = { used('requests'), used('input'), used('output') }
local function exceeded(r, i, o)
  local after = { spent[1] + r + 1, spent[2] + i + tonumber(ARGV[2]) + spent[3] + o + tonumber(ARGV[3]),
    (spent[2] + i + tonumber(ARGV[2])) * tonumber(ARGV[7]) + (spent[3] + o + tonumber(ARGV[3])) * tonumber(ARGV[8]) }
  for n = 1, 3 do
    local limit = tonumber(ARGV[3 + n])
    if limit ~= ${NONE} and after[n] > limit then return n end
  end
  return 0
end
local status = 0
if exceeded(requests, input, output) > 0 then
  local alone = exceeded(0, 0, 0)
  status = alone > 0 and alone + 1 or 1
else
  local till = string.format('%d', now + ${RESERVED_MS})
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ':' .. ARGV[3] .. ':' .. till)
end
return { status, spent[1], spent[2], spent[3] }`;

/**
 * Counts an amount: of a reservation that it settles, or of a response that has not been counted yet. KEYS: used, reserved, counted. ARGV:
 * name of the reservation or '', key of the request or '' without a response, input, output. Returns the usage.
 */
const COUNT = `
local isNew = ARGV[2] ~= '' and redis.call('SADD', KEYS[3], ARGV[2]) == 1
local isOpen = ARGV[1] ~= '' and redis.call('HDEL', KEYS[2], ARGV[1]) == 1
if isOpen or (ARGV[1] == '' and isNew) then
  redis.call('HINCRBY', KEYS[1], 'requests', 1)
  redis.call('HINCRBY', KEYS[1], 'input', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'output', ARGV[4])
end
local function used(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
return { used('requests'), used('input'), used('output') }`;

/** The limits of one API for one run, shared by all callers with the same names. */
export class SharedRequestLimits {
  readonly #client: Redis;
  readonly #limits: SharedLimits;
  readonly #pace: readonly [starts: string, pause: string];
  readonly #budget: readonly [used: string, reserved: string, counted: string];
  #spent: SharedSpending = { requests: 0, input: 0, output: 0 };

  /**
   * @param server names the API and model. All runs that use it share the rate limits
   * @param run names the run to which the budget belongs
   */
  constructor(
    { options }: RedisAddress,
    { server, run }: { readonly server: string; readonly run: string },
    limits: SharedLimits,
  ) {
    this.#client = new Redis(options);
    this.#client.on("error", () => undefined);
    this.#limits = limits;
    this.#pace = [`${PREFIX}:pace:${server}:starts`, `${PREFIX}:pace:${server}:pause`];
    this.#budget = budgetKeys(run);
  }

  /** Last known usage of all workers. */
  get spent(): SharedSpending {
    return this.#spent;
  }

  /** Pauses requests on all machines. */
  async pause(ms: number): Promise<void> {
    await this.#client.eval(PAUSE, 1, this.#pace[1], Math.ceil(ms));
  }

  /** Resolves when a request with this number of tokens can start. @throws the signal's reason */
  async start(tokens: number, signal: AbortSignal): Promise<void> {
    const { requestsPerMinute = NONE, tokensPerMinute = NONE } = this.#limits;
    for (;;) {
      signal.throwIfAborted();
      const name = randomBytes(8).toString("hex");
      const wait = Number(
        await this.#client.eval(
          START,
          2,
          ...this.#pace,
          Math.ceil(tokens),
          requestsPerMinute,
          tokensPerMinute,
          name,
        ),
      );
      if (wait === 0) return;
      await sleep(Math.min(wait, ASK_AGAIN_MS), undefined, { signal });
    }
  }

  /**
   * Reserves the maximum amount of a request. Waits if only running requests prevent it.
   *
   * @returns the reservation's name for settling, or the limit that the request could exceed
   */
  async reserve(bound: Amount): Promise<{ readonly name: string } | { readonly exceeded: BudgetName }> {
    const { budget = {}, price = { input: 0, output: 0 } } = this.#limits;
    const limits = BUDGET_NAMES.map((name) => budget[name] ?? NONE);
    for (;;) {
      const name = randomBytes(8).toString("hex");
      const [status, ...spent] = numbers(
        await this.#client.eval(
          RESERVE,
          2,
          ...this.#budget.slice(0, 2),
          name,
          Math.ceil(bound.input),
          Math.ceil(bound.output),
          ...limits,
          price.input,
          price.output,
        ),
      );
      this.#noteSpent(spent);
      if (status === 0) return { name };
      if (status !== 1) return { exceeded: BUDGET_NAMES[status! - 2]! };
      await sleep(ASK_AGAIN_MS / 4);
    }
  }

  /** Settles a reservation. @param usage undefined for a request that was not billed */
  async settle(name: string, request: string, usage: Amount | undefined): Promise<void> {
    await this.#count(name, usage === undefined ? "" : request, usage ?? { input: 0, output: 0 });
  }

  /** Counts a response that was paid for earlier, once for all workers. */
  async count(request: string, usage: Amount): Promise<void> {
    await this.#count("", request, usage);
  }

  close(): void {
    this.#client.disconnect();
  }

  async #count(name: string, request: string, { input, output }: Amount): Promise<void> {
    const amounts = [Math.ceil(input), Math.ceil(output)];
    this.#noteSpent(numbers(await this.#client.eval(COUNT, 3, ...this.#budget, name, request, ...amounts)));
  }

  #noteSpent([requests = 0, input = 0, output = 0]: readonly number[]): void {
    this.#spent = { requests, input, output };
  }
}

/** Removes a run's budget. Its cached responses stay and are counted again by runs that use them. */
export async function forgetBudget({ options }: RedisAddress, run: string): Promise<void> {
  const client = new Redis(options);
  client.on("error", () => undefined);
  try {
    await client.del(...budgetKeys(run));
  } finally {
    client.disconnect();
  }
}

/** Keys of a run's budget. */
const budgetKeys = (run: string): readonly [used: string, reserved: string, counted: string] => [
  `${PREFIX}:budget:${run}:used`,
  `${PREFIX}:budget:${run}:reserved`,
  `${PREFIX}:budget:${run}:counted`,
];

function numbers(reply: unknown): readonly number[] {
  return Array.isArray(reply) ? reply.map(Number) : [];
}
