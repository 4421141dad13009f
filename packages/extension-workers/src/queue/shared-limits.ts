/**
 * The pauses and the budget of one server that several workers ask, kept in Redis, where each decision is one script and so one step for all.
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

/** What is spent: requests, and tokens of both sides. */
interface SharedSpending extends Amount {
  readonly requests: number;
}

/** How long the server's pause still lasts [ms]; 0 without one. KEYS: pause */
const WAIT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
return math.max(0, tonumber(redis.call('GET', KEYS[1]) or '0') - now)`;

/** Pauses all starts for ARGV[1] ms. KEYS: pause */
const PAUSE = `
local t = redis.call('TIME')
local till = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
if till > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%d', till), 'PX', math.ceil(tonumber(ARGV[1])))
end
return 0`;

/**
 * Reserves an amount. KEYS: used, reserved. ARGV: name, input, output, most tokens.
 * Gives: 0 reserved, 1 only reservations are in the way, 2 the budget would be exceeded; then what is spent.
 */
const RESERVE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function used(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local running = 0
local held = redis.call('HGETALL', KEYS[2])
for i = 1, #held, 2 do
  local a, b, till = string.match(held[i + 1], '^(%d+):(%d+):(%d+)$')
  if tonumber(till) < now then
    redis.call('HDEL', KEYS[2], held[i])
    redis.call('HINCRBY', KEYS[1], 'requests', 1)
    redis.call('HINCRBY', KEYS[1], 'input', a)
    redis.call('HINCRBY', KEYS[1], 'output', b)
  else
    running = running + tonumber(a) + tonumber(b)
  end
end
local spent = { used('requests'), used('input'), used('output') }
local after = spent[2] + spent[3] + tonumber(ARGV[2]) + tonumber(ARGV[3])
local limit = tonumber(ARGV[4])
local status = 0
if limit ~= ${NONE} and after + running > limit then
  status = after > limit and 2 or 1
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
  readonly #limit: number;
  readonly #pause: string;
  readonly #budget: readonly [used: string, reserved: string, counted: string];
  #spent: SharedSpending = { requests: 0, input: 0, output: 0 };

  /**
   * @param server names the server and model: all runs that ask it share its pauses
   * @param run names the run, whose budget it is
   * @param limit most tokens of the run; undefined: any number
   */
  constructor(
    { options }: RedisAddress,
    { server, run }: { readonly server: string; readonly run: string },
    limit: number | undefined,
  ) {
    this.#client = new Redis(options);
    this.#client.on("error", () => undefined);
    this.#limit = limit ?? NONE;
    this.#pause = `${PREFIX}:pace:${server}:pause`;
    this.#budget = budgetKeys(run);
  }

  /** Last known usage of all workers. */
  get spent(): SharedSpending {
    return this.#spent;
  }

  /** Pauses requests on all machines. */
  async pause(ms: number): Promise<void> {
    await this.#client.eval(PAUSE, 1, this.#pause, Math.ceil(ms));
  }

  /** Resolves when a request may start. @throws the signal's reason */
  async start(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const wait = Number(await this.#client.eval(WAIT, 1, this.#pause));
      if (wait === 0) return;
      await sleep(Math.min(wait, ASK_AGAIN_MS), undefined, { signal });
    }
  }

  /**
   * Reserves the maximum amount of a request. Waits if only running requests prevent it.
   *
   * @returns a name to settle it by; undefined if the request could exceed the budget
   */
  async reserve(bound: Amount): Promise<string | undefined> {
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
          this.#limit,
        ),
      );
      this.#noteSpent(spent);
      if (status === 0) return name;
      if (status !== 1) return undefined;
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
