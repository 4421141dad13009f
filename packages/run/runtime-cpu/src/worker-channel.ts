/** The channel to a worker thread that owns ONNX Runtime, so that the caller's event loop stays free. */
import { Worker } from "node:worker_threads";
import { SlmError, type SlmErrorOptions } from "@slm/error";
import type { HostTensor } from "@slm/runtime";
import type { HostChannel } from "./channel.js";
import { messageOf } from "./ort-engine.js";
import type { CallName, ReplyOf, RequestOf } from "./protocol.js";
import { type ReplyMessage, fromWireError } from "./worker-protocol.js";

/**
 * The compiled worker. A plain worker thread cannot read TypeScript on every supported Node, so a program that
 * runs from `src/` uses the worker in `dist/` too; `../dist/` is the right way from either folder.
 */
const WORKER_URL = new URL("../dist/worker.js", import.meta.url);

interface Pending {
  readonly settle: (message: ReplyMessage) => void;
  readonly reject: (error: SlmError) => void;
}

class WorkerChannel implements HostChannel {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastCall = 0;
  #lastReply: Promise<unknown> = Promise.resolve();
  #stopped: SlmError | undefined;

  constructor(url: URL) {
    // Flags of this process (loaders, conditions) are not meant for the compiled worker.
    this.#worker = new Worker(url, { name: "slm-runtime-cpu", execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (message: ReplyMessage) => {
      this.#take(message.call)?.settle(message);
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
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const call = ++this.#lastCall;
    const reply = new Promise<ReplyOf<Name>>((resolve, reject) => {
      this.#worker.postMessage({ call, name, request });
      // Only a worker with work keeps the process alive.
      if (this.#pending.size === 0) this.#worker.ref();
      const settle = (message: ReplyMessage): void => {
        if (message.kind === "failed") reject(fromWireError(message.error));
        else resolve(message.reply);
      };
      this.#pending.set(call, { settle, reject });
    });
    this.#lastReply = reply;
    return reply;
  }

  /** Posting clones a tensor, with all of the buffer under it: from a larger buffer, the part is copied before. */
  handOver(tensor: HostTensor): HostTensor {
    const { dtype, shape, data } = tensor;
    const isWhole = data.buffer.byteLength === data.byteLength;
    return { dtype, shape: [...shape], data: isWhole ? data : data.slice() };
  }

  async close(): Promise<void> {
    // Replies come in order, so after the last one nothing is pending.
    await this.#lastReply.catch(() => undefined);
    await this.#worker.terminate();
  }

  #take(call: number): Pending | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    if (this.#pending.size === 0) this.#worker.unref();
    return pending;
  }

  #stop(how: string, options: SlmErrorOptions = {}): void {
    this.#stopped ??= new SlmError("DEVICE_UNAVAILABLE", `runtime-cpu: the worker thread ${how}`, options);
    for (const { reject } of this.#pending.values()) reject(this.#stopped);
    this.#pending.clear();
    this.#worker.unref();
  }
}

/** Starts a worker thread. A worker that cannot start refuses the first call. */
export function openWorkerChannel(url: URL = WORKER_URL): HostChannel {
  return new WorkerChannel(url);
}
