/** The channel to a worker thread that owns ONNX Runtime. */
import { Worker } from "node:worker_threads";
import { forbidRuntimeTelemetry, REINSTALL } from "@slm/core";
import { type HostChannel, RemoteChannel, type ReplyMessage } from "@slm/runtime/host";
import { messageOf } from "./ort/ort-binding.js";

/**
 * The compiled worker. A worker thread cannot read TypeScript on every supported Node, so a program that
 * runs from `src/` also uses the worker in `dist/`; `../dist/` is correct from either folder.
 */
const WORKER_URL = new URL("../dist/worker.js", import.meta.url);

/** Starts a worker thread. If the worker cannot start, the first call is rejected. */
export function openWorkerChannel(url: URL = WORKER_URL): HostChannel {
  forbidRuntimeTelemetry();
  // Flags of this process (loaders, conditions) do not apply to the compiled worker.
  const worker = new Worker(url, { name: "slm-runtime-node", execArgv: [] });
  return new RemoteChannel({
    title: "runtime-node: the worker thread",
    sharesMemory: true,
    post: (message) => {
      worker.postMessage(message);
    },
    listen: (receive, ended) => {
      worker.on("message", (message: ReplyMessage) => {
        receive(message);
      });
      worker.on("messageerror", (cause) => {
        ended(`sent an unreadable reply: ${messageOf(cause)}`, { cause });
      });
      worker.on("error", (cause) => {
        ended(`failed: ${messageOf(cause)}`, { cause, suggestions: [REINSTALL] });
      });
      worker.on("exit", (code) => {
        ended(`ended with code ${String(code)}`);
      });
    },
    keepAlive: (busy) => {
      if (busy) worker.ref();
      else worker.unref();
    },
    terminate: () => worker.terminate(),
  });
}
