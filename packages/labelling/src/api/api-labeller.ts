/** A labeller for a model that a server runs. It uses stored answers, and requests the rest from the server. */
import { join } from "node:path";
import { SlmError, throwIfInterrupted, userCacheFolder, type Progress } from "@slm/core";
import type { LabelAnswer, Labeller, LabelRequestOptions } from "../labeller/labeller.js";
import { outcomeOf, targetOf, type StoredAnswer } from "./api-answer.js";
import { ApiClient, FIRST_PAUSE_MS, readKey, RETRIES, SILENCE_MS } from "./api-client.js";
import { apiIdentity, type ApiFile } from "./api-file.js";
import type { ApiSharing, PaidAnswers, RequestBudget, SharedRequests } from "./api-sharing.js";
import { Budget } from "./budget.js";
import { Pace } from "./pace.js";
import { localAnswers, serverFolder } from "./paid-answers.js";
import { answerRequest, type AnswerRequest } from "./request-body.js";

/** Time limit for running requests after an interruption [ms]. They are not cancelled at once, because their answers are paid for. */
const GRACE_MS = 20_000;

export interface ApiLabellerOptions {
  readonly progress: Progress;
  /** Storage of answers. Default: a folder for this server and model in the user's cache. */
  readonly answersDirectory?: string | undefined;
  /** State shared with other machines that use the same server. Default: none. */
  readonly sharing?: ApiSharing | undefined;
  /** Retries after a failed attempt. Default: 5. */
  readonly retries?: number | undefined;
  /** Pause before the second attempt [ms]. Default: 1,000. */
  readonly firstPauseMs?: number | undefined;
  /** Longest time without data from the server [ms]. Default: five minutes. */
  readonly silenceMs?: number | undefined;
}

type RequestSignals = Parameters<ApiClient["request"]>[1];

interface Report {
  readonly done: number;
  readonly total: number;
  readonly cached: number;
  readonly secondsLeft?: number | undefined;
}

export class ApiLabeller implements Labeller {
  readonly name: string;
  readonly identity: string;
  /** The server and its settings. */
  readonly file: ApiFile;
  readonly #store: PaidAnswers;
  readonly #budget: RequestBudget;
  readonly #client: ApiClient;
  readonly #progress: Progress;
  readonly #running = new Map<string, Promise<StoredAnswer | undefined>>();
  /** Answers that the budget has counted, so that each counts only once. */
  readonly #counted = new Set<string>();
  #withoutAnswer = 0;

  private constructor(file: ApiFile, { pace, budget, answers }: SharedRequests, options: ApiLabellerOptions) {
    this.name = file.request.model;
    this.identity = apiIdentity(file);
    this.file = file;
    this.#store = answers;
    this.#progress = options.progress;
    this.#budget = budget;
    this.#client = new ApiClient({
      limits: file.limits,
      pace,
      budget,
      retries: options.retries ?? RETRIES,
      firstPauseMs: options.firstPauseMs ?? FIRST_PAUSE_MS,
      silenceMs: options.silenceMs ?? SILENCE_MS,
      onRetry: (reason) => {
        this.#progress({ stage: "cache", message: `${this.name}: trying again: ${reason}` });
      },
    });
  }

  /** @throws SlmError CONFIG_INVALID if the key's variable is not set */
  static open(file: ApiFile, options: ApiLabellerOptions): ApiLabeller {
    requireVerification(file.request.baseUrl);
    readKey(file.limits.apiKeyEnv);
    if (options.sharing !== undefined) return new ApiLabeller(file, options.sharing(file), options);
    const directory = options.answersDirectory ?? join(userCacheFolder(), "answers", serverFolder(file));
    const answers = localAnswers(directory);
    const alone = { pace: new Pace(), budget: new Budget(file.limits.budget), answers };
    return new ApiLabeller(file, alone, options);
  }

  /** Tokens spent, including earlier runs. */
  get spent(): RequestBudget["spent"] {
    return this.#budget.spent;
  }

  async answer(
    sources: readonly string[],
    { signal }: LabelRequestOptions,
  ): Promise<readonly (LabelAnswer | undefined)[]> {
    throwIfInterrupted(signal, "teacher");
    const requests = sources.map((source) => answerRequest(this.file.request, source));
    const labels: (LabelAnswer | undefined)[] = [];
    const missing: number[] = [];
    // Stored answers come first, so that the budget counts them before a request is sent.
    for (const [place, request] of requests.entries()) {
      const stored = await this.#storedAnswer(request);
      if (stored === undefined) missing.push(place);
      labels.push(stored && this.#labelOf(stored));
    }
    const cached = requests.length - missing.length;
    const startedAt = performance.now();
    let done = 0;
    this.#report({ done: cached, total: requests.length, cached });
    await this.#work(missing, signal, async (place, signals) => {
      const answer = await this.#once(requests[place]!, signals);
      labels[place] = answer && this.#labelOf(answer);
      done += 1;
      const secondsLeft = ((performance.now() - startedAt) / 1000 / done) * (missing.length - done);
      this.#report({ done: cached + done, total: requests.length, cached, secondsLeft });
    });
    return labels;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The server and model, for messages. */
  get #where(): string {
    return `${this.file.request.baseUrl}: ${this.name}`;
  }

  /**
   * Runs `work` for all indices, a few at a time. After a failure or an interruption no more requests start, but running requests finish,
   * because their answers are paid for.
   */
  async #work(
    places: readonly number[],
    signal: AbortSignal,
    body: (place: number, signals: RequestSignals) => Promise<void>,
  ): Promise<void> {
    const stop = new AbortController();
    const abandon = new AbortController();
    const signals = { start: AbortSignal.any([signal, stop.signal]), request: abandon.signal };
    let grace: NodeJS.Timeout | undefined;
    const startGrace = (): void => {
      grace = setTimeout(() => {
        abandon.abort();
      }, GRACE_MS);
    };
    signal.addEventListener("abort", startGrace, { once: true });
    const queue = places.values();
    const worker = async (): Promise<void> => {
      try {
        for (const place of queue) {
          if (signals.start.aborted) return;
          await body(place, signals);
        }
      } catch (error) {
        // Only the first failure is the cause; the others follow from it.
        stop.abort(error);
      }
    };
    await Promise.all(Array.from({ length: this.file.limits.concurrency }, worker));
    signal.removeEventListener("abort", startGrace);
    clearTimeout(grace);
    throwIfInterrupted(signal, "teacher");
    stop.signal.throwIfAborted();
  }

  async #storedAnswer({ key, bound }: AnswerRequest): Promise<StoredAnswer | undefined> {
    const stored = await this.#store.get(key);
    if (stored !== undefined && !this.#counted.has(key)) await this.#budget.count(stored.usage ?? bound, key);
    this.#counted.add(key);
    return stored;
  }

  /** Sends a request and stores the answer. Equal concurrent requests share one answer. */
  #once(request: AnswerRequest, signals: RequestSignals): Promise<StoredAnswer | undefined> {
    const running = this.#running.get(request.key);
    if (running !== undefined) return running;
    const answer = this.#request(request, signals).finally(() => this.#running.delete(request.key));
    this.#running.set(request.key, answer);
    return answer;
  }

  async #request(request: AnswerRequest, signals: RequestSignals): Promise<StoredAnswer | undefined> {
    const stored = await this.#store.get(request.key); // The answer to an equal source was paid for in the meantime.
    if (stored !== undefined) return stored;
    const reply = await this.#client.request(request, signals);
    if (reply === "tooLong") {
      this.#withoutAnswer += 1;
      return undefined;
    }
    await this.#store.put(request.key, reply);
    return reply;
  }

  #labelOf(answer: StoredAnswer): LabelAnswer | undefined {
    const outcome = outcomeOf(answer, this.#where);
    const target = targetOf(answer);
    if (outcome === "refused" || target === "") {
      this.#withoutAnswer += 1;
      return undefined;
    }
    return { target, finished: outcome === "finished" };
  }

  #report({ done, total, cached, secondsLeft }: Report): void {
    const { spent } = this;
    const parts = [
      `${done} of ${total} answers`,
      `${cached} cached`,
      ...(this.#withoutAnswer === 0 ? [] : [`${this.#withoutAnswer} without an answer`]),
      `${spent.tokens} tokens`,
      ...(secondsLeft === undefined ? [] : [`about ${Math.ceil(secondsLeft)} s left`]),
    ];
    this.#progress({ stage: "cache", message: `${this.name}: ${parts.join(", ")}` });
  }
}

/** @throws SlmError CONFIG_INVALID if certificates are not verified */
function requireVerification(baseUrl: string): void {
  if (new URL(baseUrl).protocol !== "https:" || process.env.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
  throw new SlmError(
    "CONFIG_INVALID",
    "teacher: NODE_TLS_REJECT_UNAUTHORIZED=0 disables the check of certificates, so others could read the key",
    {
      suggestions: [
        "unset NODE_TLS_REJECT_UNAUTHORIZED",
        "NODE_EXTRA_CA_CERTS=FILE adds certificate authorities",
      ],
    },
  );
}
