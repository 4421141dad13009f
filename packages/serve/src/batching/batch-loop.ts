/**
 * Continuous batching: repeated decoder steps over all active rows. Between two steps, finished and cancelled rows leave, and waiting
 * requests take the free rows, so no request waits until another answer has ended.
 */
import { logSumExp, notFinite } from "@slm/generation";
import { SlmError } from "@slm/core";
import type { Batch } from "./batch.js";
import { isSliceOver, nextSlice } from "./time-slices.js";
import type { ChosenToken, Job, JobRequest, JobResult, Row } from "./job.js";

export interface LoopOptions {
  /** Largest batch [rows]. */
  readonly maxRows: number;
  /** Length of the queue. Further requests are rejected. */
  readonly maxWaiting: number;
}

/** Callbacks for metrics. */
export interface LoopObserver {
  readonly onStep?: (rows: number, milliseconds: number) => void;
}

/** Limit of source tokens encoded between two steps, which bounds the delay of running answers. */
const SOURCE_TOKENS_PER_STEP = 4096;

export class BatchLoop {
  readonly #batch: Batch;
  readonly #options: LoopOptions;
  readonly #observer: LoopObserver;
  readonly #waiting: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(batch: Batch, options: LoopOptions & LoopObserver) {
    this.#batch = batch;
    this.#options = options;
    this.#observer = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get active(): number {
    return this.#batch.rows.reduce((count, row) => count + (row === undefined ? 0 : 1), 0);
  }

  /** Whether `count` more requests would be accepted now. */
  hasRoom(count: number): boolean {
    return this.#waiting.length + count <= this.#options.maxWaiting;
  }

  /**
   * Queues a request.
   *
   * @throws SlmError BUSY if the queue is full; INTERRUPTED when its signal fires.
   */
  submit(request: JobRequest): Promise<JobResult> {
    if (!this.hasRoom(1)) {
      throw new SlmError("BUSY", `serve: ${this.#waiting.length} requests are already waiting`, {
        context: { waiting: this.#waiting.length },
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...request, resolve, reject, queuedAt: performance.now() });
      this.#running ??= this.#run();
    });
  }

  /** Resolves once nothing is queued or running. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Closes the batch; call it when idle. */
  async close(): Promise<void> {
    await this.idle();
    await this.#batch.close();
  }

  async #run(): Promise<void> {
    // Requests that arrive together start together.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      for (;;) {
        this.#dropCancelled();
        if (this.#waiting.length > 0) await this.#admit();
        if (this.active === 0) {
          if (this.#waiting.length === 0) break;
          continue;
        }
        await this.#batch.shrink(this.#waiting.length);
        await this.#step();
      }
    } catch (error) {
      // The device failed, so the tensors of the batch are lost for all requests.
      const { rows } = this.#batch;
      const jobs = [...rows.flatMap((row) => (row === undefined ? [] : [row.job])), ...this.#waiting];
      rows.fill(undefined);
      this.#waiting.length = 0;
      for (const job of jobs) job.reject(error);
    }
    // Set in the same turn in which no work was found, so that a later request starts the loop again.
    this.#running = undefined;
  }

  #dropCancelled(): void {
    const isGone = ({ signal, reject }: Job): boolean => {
      if (signal.aborted) reject(stopped(signal));
      return signal.aborted;
    };
    const staying = this.#waiting.filter((job) => !isGone(job));
    this.#waiting.splice(0, this.#waiting.length, ...staying);
    const { rows } = this.#batch;
    for (const [at, row] of rows.entries()) if (row !== undefined && isGone(row.job)) rows[at] = undefined;
  }

  /** Gives waiting requests a row each, up to the limit of the batch. */
  async #admit(): Promise<void> {
    const jobs = this.#nextJobs(this.#options.maxRows - this.active);
    if (jobs.length === 0) return;
    const { tokens, architecture } = this.#batch.model;
    const rows = jobs.map((job): Row => {
      const start = job.start ?? tokens.bos;
      const prompt = architecture === "decoder-only" ? [...job.source, start] : [start];
      return {
        job,
        startedAt: 0,
        prompt,
        past: 0,
        next: start,
        chosen: 0,
        logProbability: 0,
        firstTokenAt: undefined,
      };
    });
    try {
      await this.#batch.admit(rows);
    } catch (error) {
      for (const { job } of rows) job.reject(error); // They are not in the batch yet.
      throw error;
    }
    const now = performance.now();
    for (const row of rows) row.startedAt = now;
  }

  /** Takes as many jobs from the queue as fit, in order. The first is taken regardless of its length. */
  #nextJobs(room: number): readonly Job[] {
    let tokens = 0;
    const imageTokens = this.#batch.model.vision?.tokens ?? 0;
    const count = this.#waiting.findIndex(({ source }, at) => {
      tokens += imageTokens + source.length;
      return at >= room || (at > 0 && tokens > SOURCE_TOKENS_PER_STEP);
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  async #step(): Promise<void> {
    const began = performance.now();
    const { best, logits } = await this.#batch.step();
    this.#observer.onStep?.(this.active, performance.now() - began);
    await this.#anyReady();
    const { rows } = this.#batch;
    for (const [at, row] of rows.entries()) {
      if (row === undefined || pendingOf(row) !== undefined) continue;
      const goesOn = this.#advance(row, () => chosenBy(row.job, best(at), logits(at)));
      if (!goesOn) rows[at] = undefined;
      if (isSliceOver()) await nextSlice();
    }
  }

  /** Waits until one row may continue. Rows that may not continue yet repeat the same step. */
  async #anyReady(): Promise<void> {
    const rows = this.#batch.rows.filter((row) => row !== undefined);
    const waits = rows.flatMap((row) => pendingOf(row) ?? []);
    if (waits.length > 0 && waits.length === rows.length) await Promise.race(waits);
  }

  /** Gives a row its next token. @returns whether the row continues */
  #advance(row: Row, chosen: () => ChosenToken): boolean {
    const { job } = row;
    row.past++;
    if (row.past < row.prompt.length) return true;
    try {
      const { token, logProbability } = chosen();
      row.firstTokenAt ??= performance.now();
      row.chosen++;
      row.logProbability += logProbability;
      const isEnd = token === this.#batch.model.tokens.eos || job.ends?.includes(token) === true;
      if (isEnd || !job.onToken(token)) return this.#finish(row, "stop");
      row.next = token;
      return row.chosen < job.maxTokens || this.#finish(row, "length");
    } catch (error) {
      job.reject(error); // The failure belongs to one request (its logits or callback); the others continue.
      return false;
    }
  }

  #finish({ job, startedAt, firstTokenAt, chosen, logProbability }: Row, reason: JobResult["reason"]): false {
    const now = performance.now();
    job.resolve({
      reason,
      waitedMs: startedAt - job.queuedAt,
      firstTokenMs: (firstTokenAt ?? now) - job.queuedAt,
      totalMs: now - job.queuedAt,
      tokens: chosen,
      logProbability,
    });
    return false;
  }
}

/** Promise that a row waits for before it can choose its next token. */
function pendingOf({ job, past, prompt }: Row): Promise<void> | undefined {
  return past + 1 < prompt.length ? undefined : job.pending?.();
}

/** A row's next token. @throws SlmError DATA_INVALID if the model's logits are not finite */
function chosenBy({ choose }: Job, top: ChosenToken, logits: Float32Array | undefined): ChosenToken {
  if (choose !== undefined && logits !== undefined) {
    const token = choose(logits);
    return { token, logProbability: logits[token]! - logSumExp(logits) };
  }
  if (!Number.isFinite(top.logProbability)) throw notFinite();
  return top;
}

function stopped(signal: AbortSignal): SlmError {
  if (signal.reason instanceof SlmError) return signal.reason;
  return new SlmError("INTERRUPTED", "serve: the request was cancelled", { cause: signal.reason });
}
