/** The caller's side of a channel to a host in another thread or process. The caller's event loop stays free. */
import { SlmError, type SlmErrorOptions } from "@slm/core";
import type { HostTensor } from "../tensors/host-tensor.js";
import { type HostChannel, type RepeatCall, type Repetition, type Tell, stopFlag } from "./channel.js";
import type { CallName, ReplyOf, RequestOf } from "./protocol.js";
import {
  type CallMessage,
  type RepeatMessage,
  type ReplyMessage,
  type StopMessage,
  fromWireError,
} from "./wire.js";
import { Unsettled } from "./unsettled.js";

/** The thread or process of a host, as the caller sees it. */
export interface RemoteHost {
  /** For messages: "runtime-node: the worker thread". */
  readonly title: string;
  /** Whether both sides see the same `SharedArrayBuffer`. */
  readonly sharesMemory: boolean;
  readonly post: (message: CallMessage | RepeatMessage | StopMessage) => void;
  /** Registers the receiver of replies and the callback for the end of the host. Called once. */
  readonly listen: (
    receive: (message: ReplyMessage) => void,
    ended: (how: string, options?: SlmErrorOptions) => void,
  ) => void;
  /** Lets this program end while the host is idle, or keeps it alive. */
  readonly keepAlive: (busy: boolean) => void;
  readonly terminate: () => Promise<unknown>;
}

interface Pending {
  readonly settle: (message: Exclude<ReplyMessage, { kind: "results" }>) => void;
  readonly reject: (error: SlmError) => void;
  readonly tell: Tell;
}

/** A {@link RemoteHost} answers the calls. When it ends, all current and later calls are rejected. */
export class RemoteChannel implements HostChannel {
  readonly #host: RemoteHost;
  readonly #pending = new Map<number, Pending>();
  #lastCall = 0;
  readonly #replies = new Unsettled();
  #stopped: SlmError | undefined;

  constructor(host: RemoteHost) {
    this.#host = host;
    host.keepAlive(false);
    host.listen(
      (message) => {
        if (message.kind === "results") this.#pending.get(message.call)?.tell(message.results);
        else this.#take(message.call)?.settle(message);
      },
      (how, options) => {
        this.#stop(how, options);
      },
    );
  }

  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>> {
    return this.#post((call) => ({ call, name, request }) as CallMessage).reply as Promise<ReplyOf<Name>>;
  }

  repeat({ loop, ...request }: RepeatCall, tell: Tell): Repetition {
    const { flag, stop } = stopFlag();
    const sent = { ...request, module: loop.module() };
    const shared = this.#host.sharesMemory ? { ...sent, stop: flag } : sent;
    const { call, reply } = this.#post((call) => ({ call, name: "repeat", request: shared }), tell);
    const over = reply.then(() => undefined);
    if (this.#host.sharesMemory) return { over, stop };
    return {
      over,
      stop: () => {
        if (this.#pending.has(call)) this.#host.post({ call, name: "stop" });
      },
    };
  }

  #post(
    messageOf: (call: number) => CallMessage | RepeatMessage,
    tell: Tell = () => undefined,
  ): { readonly call: number; readonly reply: Promise<unknown> } {
    const call = ++this.#lastCall;
    if (this.#stopped !== undefined) return { call, reply: Promise.reject(this.#stopped) };
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#host.post(messageOf(call));
      // Only a busy host keeps the process alive.
      if (this.#pending.size === 0) this.#host.keepAlive(true);
      const settle: Pending["settle"] = (message) => {
        if (message.kind === "failed") reject(fromWireError(message.error));
        else resolve(message.reply);
      };
      this.#pending.set(call, { settle, reject, tell });
    });
    this.#replies.add(reply);
    return { call, reply };
  }

  /** Posting a tensor clones its whole buffer, so a tensor inside a larger buffer is copied first. */
  handOver(tensor: HostTensor): HostTensor {
    const { dtype, shape, data } = tensor;
    const isWhole = data.buffer.byteLength === data.byteLength;
    return { dtype, shape: [...shape], data: isWhole ? data : data.slice() };
  }

  async close(): Promise<void> {
    await this.#replies.settled();
    await this.#host.terminate();
  }

  #take(call: number): Pending | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    if (this.#pending.size === 0) this.#host.keepAlive(false);
    return pending;
  }

  #stop(how: string, options: SlmErrorOptions = {}): void {
    this.#stopped ??= new SlmError("DEVICE_UNAVAILABLE", `${this.#host.title} ${how}`, options);
    for (const { reject } of this.#pending.values()) reject(this.#stopped);
    this.#pending.clear();
    this.#host.keepAlive(false);
  }
}
