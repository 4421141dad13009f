/**
 * Continuous batching: repeated decoder steps over all active rows. Between two steps, finished and cancelled rows leave, and waiting
 * requests take the free rows, so no request waits until another answer has ended.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { logSumExp, notFinite } from "@slm/generation";
import { SlmError } from "@slm/core";
import { topTokens, encodeBatch, joinImages, logitsOutput, type ModelGraphs } from "@slm/inference";
import { cacheWrites, createHostTensor } from "@slm/runtime";
import { BatchState, roomFor } from "./batch-state.js";
import { draftingFor, stepInputs, usableDrafts, type Drafting } from "./draft-steps.js";
import { encodeAlone, positionsOf, sourceWidth } from "./encode-alone.js";
import { isSliceOver, nextSlice } from "./time-slices.js";
import type { Job, JobRequest, JobResult, Row } from "./job.js";

export interface LoopOptions {
  /** Largest batch [rows]. */
  readonly maxRows: number;
  /** Length of the queue. Further requests are rejected. */
  readonly maxWaiting: number;
}

/** The decoder with a position and a top-1 token per row (`perRowDecoder`, `withArgmaxOutput`); may have draft rules. */
export type LoopModel = Pick<ModelGraphs, "runtime" | "model" | "encoder" | "decoder"> & {
  readonly listing?: ModelGraphs["listing"];
  readonly draftRules?: ModelGraphs["draftRules"];
  /** Absent: every step generates one token per row. */
  readonly drafting?: Drafting | undefined;
};

/** Callbacks for metrics. */
export interface LoopObserver {
  readonly onStep?: (rows: number, milliseconds: number) => void;
  /** Called after a step that verified drafts. */
  readonly onDrafts?: (drafted: number, accepted: number) => void;
}

/** The batch shrinks for drafts only after this many steps with few active rows, because a resize moves the caches of every row. */
const FEW_FOR = 4;

/** Limit of source tokens encoded between two steps, which bounds the delay of running answers. */
const SOURCE_TOKENS_PER_STEP = 4096;

/**
 * Weight formats with dynamically quantized activations, scaled by the largest value of the whole batch: so a row's result depends
 * on the others. Sources are then encoded one by one, so that an answer does not depend on concurrent requests.
 */
const BATCH_SCALED: ReadonlySet<string> = new Set(["int8-dynamic"]);

export class BatchLoop {
  readonly #loaded: LoopModel;
  readonly #options: LoopOptions;
  readonly #observer: LoopObserver;
  readonly #state: BatchState;
  readonly #waiting: Job[] = [];
  #rows: (Row | undefined)[] = [];
  #running: Promise<void> | undefined;
  /** Number of steps in which few enough rows for drafts have been active. */
  #fewFor = 0;

  private constructor(loaded: LoopModel, options: LoopOptions & LoopObserver, state: BatchState) {
    this.#loaded = loaded;
    this.#options = options;
    this.#observer = options;
    this.#state = state;
  }

  static async open(loaded: LoopModel, options: LoopOptions & LoopObserver): Promise<BatchLoop> {
    return new BatchLoop(
      loaded,
      options,
      await BatchState.open(loaded.runtime, loaded.model, loaded.listing),
    );
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get active(): number {
    return this.#rows.reduce((count, row) => count + (row === undefined ? 0 : 1), 0);
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

  /** Releases the batch's tensors; call it when idle. */
  async close(): Promise<void> {
    await this.idle();
    await this.#state.close();
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
        await this.#shrink();
        await this.#step();
      }
    } catch (error) {
      // The device failed, so the tensors of the batch are lost for all requests.
      const jobs = [...this.#rows.flatMap((row) => (row === undefined ? [] : [row.job])), ...this.#waiting];
      this.#rows = this.#rows.map(() => undefined);
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
    this.#rows = this.#rows.map((row) => (row !== undefined && isGone(row.job) ? undefined : row));
  }

  /** Assigns waiting requests to free rows. The batch grows if needed, up to its limit. */
  async #admit(): Promise<void> {
    const jobs = this.#nextJobs(this.#options.maxRows - this.active);
    if (jobs.length === 0) return;
    const { model } = this.#loaded;
    const { maxSource, architecture } = model;
    const width =
      architecture === "decoder-only" ? 1 : roomFor(sourceWidth(jobs, model), positionsOf(maxSource, model));
    const needed = this.active + jobs.length;
    const { rows, width: room } = this.#state.size;
    if (needed > rows || width > room) {
      await this.#resize(Math.max(rows, rowsFor(needed, this.#options.maxRows)), Math.max(room, width));
    }
    const free = this.#rows.flatMap((row, at) => (row === undefined ? [at] : []));
    const placed = jobs.map((job, at) => [job, free[at]!] as const);
    await this.#encode(placed);
    const { bos } = model.tokens;
    const startedAt = performance.now();
    for (const [job, row] of placed) {
      const start = job.start ?? bos;
      const prompt = architecture === "decoder-only" ? [...job.source, start] : [start];
      this.#rows[row] = {
        job,
        startedAt,
        prompt,
        past: 0,
        next: start,
        answer: [],
        chosen: 0,
        logProbability: 0,
        firstTokenAt: undefined,
      };
    }
  }

  /** Takes as many jobs from the queue as fit, in order. The first is taken regardless of its length. */
  #nextJobs(room: number): readonly Job[] {
    let tokens = 0;
    const imageTokens = this.#loaded.model.vision?.tokens ?? 0;
    const count = this.#waiting.findIndex(({ source }, at) => {
      tokens += imageTokens + source.length;
      return at >= room || (at > 0 && tokens > SOURCE_TOKENS_PER_STEP);
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  async #encode(placed: readonly (readonly [Job, number])[]): Promise<void> {
    const { runtime, model, encoder } = this.#loaded;
    if (encoder === undefined) return;
    const jobs = placed.map(([job]) => job);
    const rows = placed.map(([, row]) => row);
    const width = sourceWidth(jobs, model);
    if (BATCH_SCALED.has(model.graphs.encoder?.scheme ?? "")) {
      const { specs } = this.#state;
      await this.#state.place(await encodeAlone(encoder, model, { jobs, specs }), rows, width);
      return;
    }
    const encoded = await encodeBatch(
      { runtime, encoder, model },
      {
        sources: jobs.map(({ source }) => source),
        images: joinImages(jobs.flatMap(({ image }) => image ?? [])),
        rowsPerSource: 1,
      },
    );
    try {
      await this.#state.place(encoded, rows, width);
    } finally {
      await runtime.release(Object.values(encoded));
    }
  }

  /**
   * Halves the batch while most of its rows are free, because free rows cost computation. Shrinks it to a size that drafts only after
   * some steps with few active rows, because between the answers of many clients few rows are active for a moment.
   */
  async #shrink(): Promise<void> {
    const { rows, width } = this.#state.size;
    const drafted = this.#loaded.drafting?.rows ?? 0;
    this.#fewFor = this.active <= drafted ? this.#fewFor + 1 : 0;
    const isDraftable = rows > drafted && this.#fewFor > FEW_FOR;
    if (this.#waiting.length > 0 || (this.active * 4 > rows && !isDraftable)) return;
    const smaller = rowsFor(isDraftable ? this.active : this.active * 2, this.#options.maxRows);
    if (smaller < rows) await this.#resize(smaller, width);
  }

  async #resize(rows: number, width: number): Promise<void> {
    const kept = this.#rows.flatMap((row, at) => (row === undefined ? [] : [at]));
    await this.#state.resize({ rows, width }, kept);
    this.#rows = Array.from({ length: rows }, (_, at) =>
      at < kept.length ? this.#rows[kept[at]!] : undefined,
    );
  }

  async #step(): Promise<void> {
    const began = performance.now();
    const { model, decoder } = this.#loaded;
    const { rows } = this.#state.size;
    const drafting = draftingFor(this.#loaded.drafting, this.#rows);
    const draftsOf = drafting && ((row: Row) => usableDrafts(row, drafting, this.#loaded));
    const { ids, past, drafts, tokens } = stepInputs(this.#rows, model, draftsOf);
    // Logits stay on the device unless a request samples from them.
    const takesLogits = this.#rows.some((row) => row?.job.choose !== undefined);
    const session = drafting?.session ?? decoder;
    const logitsName = logitsOutput(session);
    const { fetched } = await session.run({
      feeds: {
        [GRAPH_IO.targetIds]: createHostTensor("int32", [rows, tokens], ids),
        [GRAPH_IO.pastLength]: createHostTensor("int32", [rows], past),
        ...(await this.#state.feeds()),
      },
      fetch: [...[GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities], ...(takesLogits ? [logitsName] : [])],
      ...cacheWrites(model.caches, this.#state.present, [...past]),
    });
    const best = topTokens(fetched, rows * tokens);
    const logitsOf = takesLogits
      ? logitRows(await this.#state.wholeLogits(fetched[logitsName]!, logitsName), rows, model.vocabularySize)
      : undefined;
    this.#observer.onStep?.(this.active, performance.now() - began);
    await this.#anyReady();
    let accepted = 0;
    for (const [at, row] of this.#rows.entries()) {
      if (row === undefined || pendingOf(row) !== undefined) continue;
      const before = row.past;
      const top = (token: number): ChosenToken => ({
        token: best.ids[at * tokens + token]!,
        logProbability: best.logProbabilities[at * tokens + token]!,
      });
      const goesOn = this.#verify(row, drafts[at]!, (token) => chosenBy(row.job, top(token), logitsOf?.(at)));
      accepted += row.past - before - 1;
      if (!goesOn) this.#rows[at] = undefined;
      if (isSliceOver()) await nextSlice();
    }
    const drafted = drafts.reduce((sum, { length }) => sum + length, 0);
    if (drafted > 0) this.#observer.onDrafts?.(drafted, accepted);
  }

  /** Gives a row its next tokens: one, and one for each accepted draft. @returns whether the row continues */
  #verify(row: Row, drafts: readonly number[], chosen: (token: number) => ChosenToken): boolean {
    for (let token = 0; ; token++) {
      if (!this.#advance(row, () => chosen(token))) return false;
      if (token === drafts.length || drafts[token] !== row.next) return true;
    }
  }

  /** Waits until one row may continue. Rows that may not continue yet repeat the same step. */
  async #anyReady(): Promise<void> {
    const rows = this.#rows.filter((row) => row !== undefined);
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
      const isEnd = token === this.#loaded.model.tokens.eos || job.ends?.includes(token) === true;
      if (isEnd || !job.onToken(token)) return this.#finish(row, "stop");
      row.next = token;
      row.answer.push(token);
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

interface ChosenToken {
  readonly token: number;
  /** Log-probability under the model itself [nats]. */
  readonly logProbability: number;
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

/** @throws SlmError SHAPE_MISMATCH if the shape is not `[rows, vocab]`. */
function logitRows(data: Float32Array, rows: number, vocabulary: number): (row: number) => Float32Array {
  if (data.length !== rows * vocabulary)
    throw new SlmError(
      "SHAPE_MISMATCH",
      `serve: logits must be [${rows}, ${vocabulary}], got ${data.length} elements`,
    );
  return (row) => data.subarray(row * vocabulary, (row + 1) * vocabulary);
}

/** Batch sizes are powers of two, so that there are few. The largest is the limit in the options. */
function rowsFor(needed: number, most: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(needed)), most);
}

function stopped(signal: AbortSignal): SlmError {
  if (signal.reason instanceof SlmError) return signal.reason;
  return new SlmError("INTERRUPTED", "serve: the request was cancelled", { cause: signal.reason });
}
