/** The way from the caller's side to the side that owns ONNX Runtime: in this thread, or in a worker. */
import type { HostTensor } from "@slm/runtime";
import { type CallName, type HostHandlers, type ReplyOf, type RequestOf, dispatch } from "./protocol.js";

/** Carries calls out in the order they were made. */
export interface HostChannel {
  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>>;
  /** The tensor as it may be put into a request: the caller's buffer stays the caller's. */
  handOver(tensor: HostTensor): HostTensor;
  /** Ends the other side after the calls already made. */
  close(): Promise<void>;
}

/** Calls handlers one after another: a call starts when the one before it has ended, whichever way it ended. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  add<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** Handlers in the caller's own thread: nothing is cloned, but a run blocks the event loop. */
export class DirectChannel implements HostChannel {
  readonly #handlers: HostHandlers;
  readonly #queue = new SerialQueue();

  constructor(handlers: HostHandlers) {
    this.#handlers = handlers;
  }

  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>> {
    return this.#queue.add(() => dispatch(this.#handlers, name, request));
  }

  handOver(tensor: HostTensor): HostTensor {
    return { dtype: tensor.dtype, shape: [...tensor.shape], data: tensor.data.slice() };
  }

  close(): Promise<void> {
    return this.#queue.add(() => undefined);
  }
}
