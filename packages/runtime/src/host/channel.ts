/** The channel from the caller to the owner of ONNX Runtime: in this thread, in a worker, or in another process. */
import type { HostTensor } from "../tensors/host-tensor.js";
import type { RunLoop } from "../runtime.js";
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

/** Repeated runs as the caller requests them. The channel adds its stop flag, and the loop in a form that reaches the host. */
export type RepeatCall = Omit<PositionalRepeat, "stop" | "body"> & { readonly loop: RunLoop };

/** Receives results in order, possibly several at once. */
export type Tell = (results: readonly RepeatedResult[]) => void;

/** Repeated runs in progress. */
export interface Repetition {
  /** Settles after the last run. */
  readonly over: Promise<void>;
  /** Makes the current run the last one. */
  stop(): void;
}

/** A stop flag in memory that two threads can share. */
export function stopFlag(): { readonly flag: Int32Array; readonly stop: () => void } {
  const flag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return { flag, stop: () => void Atomics.store(flag, 0, 1) };
}

/** Executes calls in the order they were made. */
export interface HostChannel {
  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>>;
  /** Runs until the last run is done or {@link Repetition.stop} is called. */
  repeat(request: RepeatCall, tell: Tell): Repetition;
  /** The tensor in a form that can be put into a request. The caller keeps its buffer. */
  handOver(tensor: HostTensor): HostTensor;
  /** Ends the worker or process after the calls already made. */
  close(): Promise<void>;
}

/** Calls handlers one after another. A call starts after the previous one has succeeded or failed. */
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

/** Runs handlers in the caller's own thread. Nothing is cloned, but a run blocks the event loop. */
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

  repeat({ loop, ...request }: RepeatCall, tell: Tell): Repetition {
    const { flag, stop } = stopFlag();
    const runs = this.#host.repeat({ ...request, body: () => loop.body, stop: flag });
    const over = repeatInTurns(this.#queue, runs, (result) => {
      tell([result]);
    });
    this.#repetitions.add(over);
    return { over, stop };
  }

  handOver(tensor: HostTensor): HostTensor {
    return { dtype: tensor.dtype, shape: [...tensor.shape], data: tensor.data.slice() };
  }

  async close(): Promise<void> {
    await this.#repetitions.settled();
    await this.#queue.add(() => undefined);
  }
}
