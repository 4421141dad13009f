/** A model behind a server as a labeller: answers from the store, and the server's answers for the rest. */
import { join } from "node:path";
import { SlmError, sha256, throwIfInterrupted, userCacheFolder, type Progress } from "@slm/core";
import type { LabelAnswer, Labeller, LabelRequestOptions } from "../labeller.js";
import { outcomeOf, scoreOf, type StoredAnswer } from "./api-answer.js";
import { ApiClient, FIRST_PAUSE_MS, readKey } from "./api-client.js";
import { apiIdentity, type ApiFile } from "./api-file.js";
import { AnswerStore } from "./answer-store.js";
import { Budget, formatAmount } from "./budget.js";
import { Pace } from "./pace.js";
import { answerRequest, type AnswerRequest } from "./request-body.js";

/** How long running requests may take after an interruption, because their answers are paid for [ms]. */
const GRACE_MS = 20_000;

export interface ApiLabellerOptions {
  readonly progress: Progress;
  /** Where answers are stored. Default: a folder of this server and model in the user's cache. */
  readonly answersDirectory?: string | undefined;
  /** Pause before the second attempt [ms]. Default: one second. */
  readonly firstPauseMs?: number | undefined;
}

/** What became of the answers so far. */
interface Counts {
  asked: number;
  cached: number;
  refused: number;
  tooLong: number;
  unfinished: number;
  retries: number;
}

export class ApiLabeller implements Labeller {
  readonly name: string;
  readonly identity: string;
  readonly #file: ApiFile;
  readonly #store: AnswerStore;
  readonly #budget: Budget;
  readonly #client: ApiClient;
  readonly #progress: Progress;
  readonly #running = new Map<string, Promise<StoredAnswer | undefined>>();
  /** Answers counted in the budget, so that one that is used twice counts once. */
  readonly #counted = new Set<string>();
  readonly #counts: Counts = { asked: 0, cached: 0, refused: 0, tooLong: 0, unfinished: 0, retries: 0 };

  private constructor(file: ApiFile, store: AnswerStore, options: ApiLabellerOptions) {
    this.name = file.request.model;
    this.identity = apiIdentity(file);
    this.#file = file;
    this.#store = store;
    this.#progress = options.progress;
    this.#budget = new Budget(file.limits);
    this.#client = new ApiClient({
      limits: file.limits,
      pace: new Pace(file.limits),
      budget: this.#budget,
      firstPauseMs: options.firstPauseMs ?? FIRST_PAUSE_MS,
      onRetry: (reason) => {
        this.#counts.retries += 1;
        this.#progress({ stage: "cache", message: `${this.name}: trying again: ${reason}` });
      },
    });
  }

  /** @throws SlmError CONFIG_INVALID if the key's variable is not set, INPUT_MISSING or DATA_INVALID for unreadable answers */
  static async open(file: ApiFile, options: ApiLabellerOptions): Promise<ApiLabeller> {
    const { baseUrl, model } = file.request;
    requireVerification(baseUrl);
    readKey(file.limits.apiKeyEnv);
    const directory =
      options.answersDirectory ??
      join(userCacheFolder(), "answers", sha256(`${baseUrl}\n${model}`).slice(0, 32));
    return new ApiLabeller(file, await AnswerStore.open(directory), options);
  }

  /** What was spent, earlier runs included. */
  get spent(): Budget["spent"] {
    return this.#budget.spent;
  }

  async answer(
    sources: readonly string[],
    { samples, temperature, seed, signal }: LabelRequestOptions,
  ): Promise<readonly (readonly LabelAnswer[])[]> {
    const drawn = Array.from({ length: samples }, (_, sample) =>
      samples === 1 ? undefined : { temperature, seed: seed + sample },
    );
    const requests = sources.flatMap((source) =>
      drawn.map((sample) => answerRequest(this.#file.request, source, sample)),
    );
    const answers = await this.#answerAll(requests, signal);
    return sources.map((_, place) =>
      answers
        .slice(place * samples, (place + 1) * samples)
        .flatMap((answer) => (answer === undefined ? [] : this.#labelOf(answer))),
    );
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  /** Answers of all requests; undefined where the server cannot give one. After a failure nothing starts, and running requests end. */
  async #answerAll(
    requests: readonly AnswerRequest[],
    signal: AbortSignal,
  ): Promise<readonly (StoredAnswer | undefined)[]> {
    const answers = new Array<StoredAnswer | undefined>(requests.length);
    const stop = new AbortController();
    const abandon = new AbortController();
    const signals = { start: AbortSignal.any([signal, stop.signal]), request: abandon.signal };
    let grace: NodeJS.Timeout | undefined;
    const interrupted = (): void => {
      grace = setTimeout(() => {
        abandon.abort();
      }, GRACE_MS);
    };
    if (signal.aborted) throwIfInterrupted(signal, "teacher");
    signal.addEventListener("abort", interrupted, { once: true });
    const startedAt = performance.now();
    let [next, done] = [0, 0];
    const work = async (): Promise<void> => {
      while (next < requests.length && !signals.start.aborted) {
        const place = next;
        next += 1;
        answers[place] = await this.#once(requests[place]!, signals);
        done += 1;
        this.#report(done, requests.length, startedAt);
      }
    };
    const workers = Array.from({ length: Math.min(this.#file.limits.concurrency, requests.length) }, () =>
      work().catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    );
    const ended = await Promise.allSettled(workers);
    signal.removeEventListener("abort", interrupted);
    clearTimeout(grace);
    throwIfInterrupted(signal, "teacher");
    if (stop.signal.aborted) throw stop.signal.reason;
    const failed = ended.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return answers;
  }

  /** As {@link #answerOf}; equal requests that run at the same time share one. */
  #once(request: AnswerRequest, signals: Parameters<ApiClient["ask"]>[1]): Promise<StoredAnswer | undefined> {
    const running = this.#running.get(request.key);
    if (running !== undefined) return running;
    const answer = this.#answerOf(request, signals).finally(() => this.#running.delete(request.key));
    this.#running.set(request.key, answer);
    return answer;
  }

  async #answerOf(
    request: AnswerRequest,
    signals: Parameters<ApiClient["ask"]>[1],
  ): Promise<StoredAnswer | undefined> {
    const { key, bound } = request;
    const stored = await this.#store.get(key);
    if (stored !== undefined) {
      this.#counts.cached += 1;
      if (!this.#counted.has(key)) this.#budget.count(stored.usage ?? bound);
      this.#counted.add(key);
      return stored;
    }
    const reply = await this.#client.ask(request, signals);
    this.#counts.asked += 1;
    this.#counted.add(key);
    if (reply === "tooLong") {
      this.#counts.tooLong += 1;
      return undefined;
    }
    await this.#store.put(key, reply);
    return reply;
  }

  #labelOf(answer: StoredAnswer): readonly LabelAnswer[] {
    const where = `${this.#file.request.baseUrl}: ${this.name}`;
    const outcome = outcomeOf(answer, where);
    const target = answer.text?.trim() ?? "";
    if (outcome === "refused" || target === "") {
      this.#counts.refused += 1;
      return [];
    }
    const score = scoreOf(answer);
    if (this.#file.request.logprobs > 0 && score === undefined) {
      throw new SlmError(
        "DATA_INVALID",
        `${where}: expected log-probabilities of the target's tokens, got none (teacher.logprobs is ${this.#file.request.logprobs})`,
        { suggestions: ["--set teacher.logprobs=0 for a server that gives none"] },
      );
    }
    if (outcome === "unfinished") this.#counts.unfinished += 1;
    return [{ target, score, finished: outcome === "finished" }];
  }

  #report(done: number, total: number, startedAt: number): void {
    const { spent } = this;
    const { cached, refused, tooLong } = this.#counts;
    const seconds = (performance.now() - startedAt) / 1000;
    const left = Math.round((seconds / done) * (total - done));
    const parts = [
      `${done} of ${total} answers`,
      `${cached} cached`,
      ...(refused + tooLong === 0 ? [] : [`${refused + tooLong} without an answer`]),
      `${spent.tokens} tokens`,
      ...(spent.price === undefined ? [] : [`price ${formatAmount(spent.price)}`]),
      `${left} s left`,
    ];
    this.#progress({ stage: "cache", message: `${this.name}: ${parts.join(", ")}` });
  }
}

/** @throws SlmError CONFIG_INVALID if certificates are not verified */
function requireVerification(baseUrl: string): void {
  if (new URL(baseUrl).protocol !== "https:" || process.env.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
  throw new SlmError(
    "CONFIG_INVALID",
    "teacher: NODE_TLS_REJECT_UNAUTHORIZED=0 disables the check of certificates, so that anybody could read the key",
    {
      suggestions: [
        "unset NODE_TLS_REJECT_UNAUTHORIZED",
        "NODE_EXTRA_CA_CERTS=FILE names further certificate authorities",
      ],
    },
  );
}
