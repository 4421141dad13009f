/** The channel to a worker thread that owns ONNX Runtime, so that the caller's event loop stays free. */
import { Worker } from "node:worker_threads";
import { SlmError, type SlmErrorOptions } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import type { HostChannel } from "./channel.js";
import { messageOf } from "./ort-binding.js";
import type { CallName, PositionalRepeat, RepeatedResult, ReplyOf, RequestOf } from "./protocol.js";
import { type CallMessage, type RepeatMessage, type ReplyMessage, fromWireError } from "./worker-protocol.js";
import { Unsettled } from "./unsettled.js";

/**
 * The compiled worker. A worker thread cannot read TypeScript on every supported Node, so a program that
 * runs from `src/` also uses the worker in `dist/`; `../dist/` is correct from either folder.
 */
const WORKER_URL = new URL("../dist/worker.js", import.meta.url);

/** Receives results while the runs are in progress. */
type Tell = (results: readonly RepeatedResult[]) => void;

interface Pending {
  readonly settle: (message: Exclude<ReplyMessage, { kind: "results" }>) => void;
  readonly reject: (error: SlmError) => void;
  readonly tell: Tell;
}

class WorkerChannel implements HostChannel {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastCall = 0;
  readonly #replies = new Unsettled();
  #stopped: SlmError | undefined;

  constructor(url: URL) {
    // Flags of this process (loaders, conditions) are not meant for the compiled worker.
    this.#worker = new Worker(url, { name: "slm-runtime-node", execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (message: ReplyMessage) => {
      if (message.kind === "results") this.#pending.get(message.call)?.tell(message.results);
      else this.#take(message.call)?.settle(message);
    });
    this.#worker.on("messageerror", (error) => {
      this.#stop(`sent an unreadable reply: ${messageOf(error)}`, { cause: error });
    });
    this.#worker.on("error", (error) => {
      this.#stop(`failed: ${messageOf(error)}`, { cause: error, suggestions: ["npm run build"] });
    });
    this.#worker.on("exit", (code) => {
      this.#stop(`ended with code ${String(code)}`);
    });
  }

  call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ReplyOf<Name>> {
    return this.#ask((call) => ({ call, name, request }) as CallMessage);
  }

  async repeat(request: PositionalRepeat, tell: Tell): Promise<void> {
    await this.#ask((call) => ({ call, name: "repeat", request }), tell);
  }

  #ask<Reply>(
    messageOf: (call: number) => CallMessage | RepeatMessage,
    tell: Tell = () => undefined,
  ): Promise<Reply> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const call = ++this.#lastCall;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#worker.postMessage(messageOf(call));
      // Only a busy worker keeps the process alive.
      if (this.#pending.size === 0) this.#worker.ref();
      const settle: Pending["settle"] = (message) => {
        if (message.kind === "failed") reject(fromWireError(message.error));
        else resolve(message.reply as Reply);
      };
      this.#pending.set(call, { settle, reject, tell });
    });
    this.#replies.add(reply);
    return reply;
  }

  /** Posting a tensor clones its whole buffer, so a tensor inside a larger buffer is copied first. */
  handOver(tensor: HostTensor): HostTensor {
    const { dtype, shape, data } = tensor;
    const isWhole = data.buffer.byteLength === data.byteLength;
    return { dtype, shape: [...shape], data: isWhole ? data : data.slice() };
  }

  async close(): Promise<void> {
    await this.#replies.settled();
    await this.#worker.terminate();
  }

  #take(call: number): Pending | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    if (this.#pending.size === 0) this.#worker.unref();
    return pending;
  }

  #stop(how: string, options: SlmErrorOptions = {}): void {
    this.#stopped ??= new SlmError("DEVICE_UNAVAILABLE", `runtime-node: the worker thread ${how}`, options);
    for (const { reject } of this.#pending.values()) reject(this.#stopped);
    this.#pending.clear();
    this.#worker.unref();
  }
}

/** Starts a worker thread. A worker that cannot start rejects the first call. */
export function openWorkerChannel(url: URL = WORKER_URL): HostChannel {
  return new WorkerChannel(url);
}
