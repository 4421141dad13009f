/** The channel from the caller to the owner of ONNX Runtime: in this thread, or in a worker. */
import type { HostTensor } from "@slm/runtime";
import {
  type CallName,
  type Host,
  type PositionalRepeat,
  type RepeatedResult,
  type ReplyOf,
  type RequestOf,
  dispatch,
} from "./protocol.js";
import { Unsettled } from "./unsettled.js";

/** Executes calls in the order they were made. */
export interface HostChannel {
  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>>;
  /** Runs until the last is done; `tell` receives results in order, several at once if they come fast. */
  repeat(request: PositionalRepeat, tell: (results: readonly RepeatedResult[]) => void): Promise<void>;
  /** The tensor in a form that may be put into a request; the caller keeps its buffer. */
  handOver(tensor: HostTensor): HostTensor;
  /** Ends the worker after the calls already made. */
  close(): Promise<void>;
}

/** Calls handlers one after another: a call starts when the one before it has succeeded or failed. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  add<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** Queues each run of a repetition separately, so that other calls run in between. */
export async function repeatInTurns(
  queue: SerialQueue,
  runs: AsyncIterator<RepeatedResult, undefined>,
  tell: (result: RepeatedResult) => void,
): Promise<void> {
  for (;;) {
    const { done, value } = await queue.add(() => runs.next());
    if (done === true) return;
    tell(value);
  }
}

/** Handlers in the caller's own thread: nothing is cloned, but a run blocks the event loop. */
export class DirectChannel implements HostChannel {
  readonly #host: Host;
  readonly #queue = new SerialQueue();
  readonly #repetitions = new Unsettled();

  constructor(host: Host) {
    this.#host = host;
  }

  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>> {
    return this.#queue.add(() => dispatch(this.#host, name, request));
  }

  repeat(request: PositionalRepeat, tell: (results: readonly RepeatedResult[]) => void): Promise<void> {
    const over = repeatInTurns(this.#queue, this.#host.repeat(request), (result) => {
      tell([result]);
    });
    this.#repetitions.add(over);
    return over;
  }

  handOver(tensor: HostTensor): HostTensor {
    return { dtype: tensor.dtype, shape: [...tensor.shape], data: tensor.data.slice() };
  }

  async close(): Promise<void> {
    await this.#repetitions.settled();
    await this.#queue.add(() => undefined);
  }
}
