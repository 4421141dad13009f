/**
 * A worker thread that does one call at a time, in order, each within a deadline. A call that takes longer fails and its thread is
 * replaced; the others go on in the new one. The thread starts with its first call and ends when it has had none for a while.
 */
import { Worker } from "node:worker_threads";
import { REINSTALL, SlmError } from "@slm/core";
import { fromWireError, type WireError } from "@slm/runtime/host";

export interface WorkThreadOptions {
  /** For messages and lists of threads. */
  readonly name: string;
  /** Compiled entry. */
  readonly url: URL;
  /** What the entry finds in `workerData`. */
  readonly data: unknown;
  /** Longest time for one call; its beginning does not count before the thread has started [s]. */
  readonly seconds: number;
  /** Most calls that wait. */
  readonly maxWaiting: number;
  /** Memory for the thread's objects [MiB]. */
  readonly memoryMb: number;
  /** Time without a call after which the thread ends; undefined: it stays [ms]. */
  readonly idleMs?: number | undefined;
}

/** What the thread sends: once when it has started, then per call. */
export type ThreadReply =
  | { readonly kind: "started" }
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: WireError };

interface Call {
  readonly message: unknown;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: SlmError) => void;
}

/** Time for a thread to start, before its first call [s]. */
const START_SECONDS = 30;

export class WorkThread {
  readonly #options: WorkThreadOptions;
  readonly #waiting: Call[] = [];
  #worker: Worker | undefined;
  #hasStarted = false;
  #running: Call | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: WorkThreadOptions) {
    this.#options = options;
  }

  /** Whether there is a thread now, with all that earlier calls left in it. */
  get isStarted(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Resolves with what the thread replies.
   *
   * @param transfer buffers of the message that the thread takes over
   * @throws SlmError BUSY if too many calls wait; DATA_INVALID for a call that takes longer or more memory than it may; what the thread
   * throws; INTERRUPTED after the thread was closed.
   */
  run(message: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#waiting.length >= this.#options.maxWaiting)
      throw new SlmError("BUSY", `serve: ${this.#waiting.length} requests wait to be read`);
    if (this.#isClosed) throw stopped();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, transfer, resolve, reject });
      this.#next();
    });
  }

  /** Ends the thread; calls that wait fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of [...this.#waiting.splice(0), this.#take()]) call?.reject(stopped());
    await this.#end();
  }

  #next(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    clearTimeout(this.#idle);
    const call = this.#waiting.shift();
    const worker = (this.#worker ??= call && this.#start());
    if (worker === undefined) return;
    if (call === undefined) {
      worker.unref();
      this.#rest();
      return;
    }
    this.#running = call;
    worker.ref();
    worker.postMessage(call.message, call.transfer);
    this.#watch(this.#hasStarted ? this.#options.seconds : START_SECONDS);
  }

  #start(): Worker {
    const { name, url, data, memoryMb } = this.#options;
    this.#hasStarted = false;
    // Flags of this process (loaders, conditions) are not meant for the compiled worker.
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
      this.#watch(this.#options.seconds);
      return;
    }
    const call = this.#take();
    if (reply.kind === "done") call?.resolve(reply.value);
    else call?.reject(fromWireError(reply.error));
    this.#next();
  }

  /** Starts the time of the call in work. */
  #watch(seconds: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#replace(new SlmError("DATA_INVALID", `the request takes longer than ${seconds} s to read`));
    }, seconds * 1000);
  }

  /** Fails the call in work, and goes on with the others in a new thread. */
  #replace(error: SlmError): void {
    this.#take()?.reject(error);
    void this.#end();
    this.#next();
  }

  #take(): Call | undefined {
    clearTimeout(this.#deadline);
    const call = this.#running;
    this.#running = undefined;
    return call;
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

/** A thread that lacks memory had a request that takes too much; anything else is a fault of the thread. */
function failureOf(name: string, cause: Error & { readonly code?: unknown }): SlmError {
  if (cause.code === "ERR_WORKER_OUT_OF_MEMORY")
    return new SlmError("DATA_INVALID", "the request takes more memory to read than it may");
  return new SlmError("UNEXPECTED", `serve: the thread ${name} failed: ${cause.message}`, {
    cause,
    suggestions: [REINSTALL],
  });
}
