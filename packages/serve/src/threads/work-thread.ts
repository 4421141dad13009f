/**
 * A worker thread that runs one call at a time, in order, each with a deadline. A call that takes longer fails and its thread is
 * replaced; the other calls continue in the new one. The thread starts with its first call and ends after some idle time. It can be
 * limited to a share of a core, so that calls that many clients repeat leave time for other work.
 */
import { Worker } from "node:worker_threads";
import { REINSTALL, SlmError } from "@slm/core";
import { fromWireError, type WireError } from "@slm/runtime/host";

export interface WorkThreadOptions {
  /** Name for messages and lists of threads. */
  readonly name: string;
  /** Path of the compiled entry. */
  readonly url: URL;
  /** `workerData` of the thread. */
  readonly data: unknown;
  /** Longest time for one call, measured from the start of the thread for the first one [s]. */
  readonly seconds: number;
  /** Most waiting calls. */
  readonly maxWaiting: number;
  /** Longest wait of a call for its turn [s]. */
  readonly waitSeconds: number;
  /** Memory for the thread's objects [MiB]. */
  readonly memoryMb: number;
  /** Share of a core for its calls, after the first `burstMs`; undefined: no limit. */
  readonly share?: number | undefined;
  /** Time that calls may use before the share applies [ms]. */
  readonly burstMs?: number | undefined;
  /** Idle time after which the thread ends; undefined: never [ms]. */
  readonly idleMs?: number | undefined;
}

/** Messages of the thread: one when it has started, then one per call. */
export type ThreadReply =
  | { readonly kind: "started" }
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: WireError };

export interface ThreadRequest {
  readonly message: unknown;
  /** Buffers of the message to transfer to the thread. */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** Cancels the call while it waits. */
  readonly signal?: AbortSignal | undefined;
}

interface Call extends ThreadRequest {
  /** Ends the wait. */
  timer?: NodeJS.Timeout;
  /** Cancels the call when its signal fires, only while it waits. */
  readonly onAbort: () => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Time for a thread to start, before its first call [s]. */
const START_SECONDS = 30;

/** Removes the listeners of a call that has started or failed: an answer's signal is used for a call per token. */
function endWait({ timer, signal, onAbort }: Call): void {
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
}

export class WorkThread {
  readonly #options: WorkThreadOptions;
  readonly #waiting: Call[] = [];
  #worker: Worker | undefined;
  #hasStarted = false;
  #running: Call | undefined;
  #startedAt = 0;
  #deadline: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Time that calls may still use before the share applies, as of `#countedAt` [ms]. */
  #budgetMs: number;
  #countedAt = performance.now();

  constructor(options: WorkThreadOptions) {
    this.#options = options;
    this.#budgetMs = options.burstMs ?? 0;
  }

  /** Whether there is a thread now, with the state of earlier calls. */
  get isStarted(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Runs a call and resolves with the thread's reply.
   *
   * @throws SlmError BUSY if too many calls wait, or this one waited too long; DATA_INVALID for a call that exceeds its time or memory; the
   * errors of the thread; INTERRUPTED after the thread was closed; the reason of the signal.
   */
  run(request: ThreadRequest): Promise<unknown> {
    if (this.#waiting.length >= this.#options.maxWaiting)
      throw new SlmError("BUSY", `serve: ${this.#waiting.length} requests are waiting to be read`);
    if (this.#isClosed) throw stopped();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#takeBack(call, request.signal?.reason as Error);
      };
      const call: Call = { ...request, onAbort, resolve, reject };
      this.#waiting.push(call);
      const { waitSeconds } = this.#options;
      const tooLong = new SlmError(
        "BUSY",
        `serve: the request waited ${waitSeconds} s while others were read`,
      );
      call.timer = setTimeout(() => {
        this.#takeBack(call, tooLong);
      }, waitSeconds * 1000);
      request.signal?.addEventListener("abort", onAbort);
      this.#next();
    });
  }

  /** Ends the thread. Waiting calls fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pause);
    for (const call of [...this.#waiting]) this.#takeBack(call, stopped());
    this.#take()?.reject(stopped());
    await this.#end();
  }

  #next(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    clearTimeout(this.#idle);
    clearTimeout(this.#pause);
    const pauseMs = this.#waiting.length === 0 ? 0 : this.#pauseMs();
    if (pauseMs > 0) {
      this.#pause = setTimeout(() => {
        this.#next();
      }, pauseMs);
      return;
    }
    const call = this.#waiting.shift();
    const worker = (this.#worker ??= call && this.#start());
    if (worker === undefined) return;
    if (call === undefined) {
      worker.unref();
      this.#rest();
      return;
    }
    endWait(call);
    this.#running = call;
    worker.ref();
    worker.postMessage(call.message, call.transfer);
    this.#startedAt = performance.now();
    this.#watch(this.#hasStarted ? this.#options.seconds : START_SECONDS);
  }

  #start(): Worker {
    const { name, url, data, memoryMb } = this.#options;
    this.#hasStarted = false;
    // Do not pass on the flags of this process (loaders, conditions): they are not meant for the compiled worker.
    const worker = new Worker(url, {
      name,
      workerData: data,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    worker.on("message", (reply: ThreadReply) => {
      if (worker === this.#worker) this.#receive(reply);
    });
    worker.on("error", (cause) => {
      if (worker === this.#worker) this.#replace(failureOf(name, cause));
    });
    return worker;
  }

  #receive(reply: ThreadReply): void {
    if (reply.kind === "started") {
      this.#hasStarted = true;
      this.#startedAt = performance.now();
      this.#watch(this.#options.seconds);
      return;
    }
    const call = this.#take();
    if (reply.kind === "done") call?.resolve(reply.value);
    else call?.reject(fromWireError(reply.error));
    this.#next();
  }

  /** Fails a waiting call. A running call continues: its result is not needed, but its time counts. */
  #takeBack(call: Call, reason: Error): void {
    const at = this.#waiting.indexOf(call);
    if (at < 0) return;
    endWait(call);
    this.#waiting.splice(at, 1);
    call.reject(reason);
  }

  /** Starts the deadline of the running call. */
  #watch(seconds: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#replace(new SlmError("DATA_INVALID", `the request takes longer than ${seconds} s to read`));
    }, seconds * 1000);
  }

  /** Fails the running call, and continues with the others in a new thread. */
  #replace(error: SlmError): void {
    this.#take()?.reject(error);
    void this.#end();
    this.#next();
  }

  #take(): Call | undefined {
    clearTimeout(this.#deadline);
    const call = this.#running;
    if (call !== undefined) this.#budgetMs -= performance.now() - this.#startedAt;
    this.#running = undefined;
    return call;
  }

  /** Time that the next call must wait for its share [ms]. */
  #pauseMs(): number {
    const { share, burstMs = 0 } = this.#options;
    if (share === undefined) return 0;
    const now = performance.now();
    this.#budgetMs = Math.min(burstMs, this.#budgetMs + share * (now - this.#countedAt));
    this.#countedAt = now;
    return Math.max(0, -this.#budgetMs / share);
  }

  #rest(): void {
    const { idleMs } = this.#options;
    if (idleMs === undefined) return;
    this.#idle = setTimeout(() => void this.#end(), idleMs);
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

const stopped = (): SlmError => new SlmError("INTERRUPTED", "serve: the server has stopped");

/** If the thread ran out of memory, its request needed too much; any other failure is a bug of the thread. */
function failureOf(name: string, cause: Error & { readonly code?: unknown }): SlmError {
  if (cause.code === "ERR_WORKER_OUT_OF_MEMORY")
    return new SlmError("DATA_INVALID", "the request needs too much memory to read");
  return new SlmError("UNEXPECTED", `serve: the thread ${name} failed: ${cause.message}`, {
    cause,
    suggestions: [REINSTALL],
  });
}
