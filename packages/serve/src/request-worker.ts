/** Entry of the threads that read requests and compute which tokens a format allows. */
import { parentPort, workerData } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { toWireError } from "@slm/runtime/host";
import { requestReader, type ReaderModel } from "./requests/read-request.js";
import { TextFormats } from "./requests/text-formats.js";
import { AllowedTokens } from "./threads/allowed-tokens.js";
import type { ThreadCall, ThreadCalls } from "./threads/thread-calls.js";
import type { ThreadReply } from "./threads/work-thread.js";

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "serve: request-worker.js must be started as a worker thread");
const port = parentPort;
const { model, tokenizerFiles, limits } = workerData as ReaderModel;
const read = requestReader({ model, tokenizerFiles, limits });
const formats = new TextFormats(tokenizerFiles, model.tokens.eos);
const { allowed, forget } = new AllowedTokens(formats, model.vocabularySize);
const calls: ThreadCalls = { read: ({ form, body }) => read(form, body), allowed, forget };

port.on("message", (call: ThreadCall) => {
  const { reply, transfer } = answer(call);
  port.postMessage(reply, transfer);
});
port.postMessage({ kind: "started" } satisfies ThreadReply);

function answer(call: ThreadCall): {
  readonly reply: ThreadReply;
  readonly transfer: readonly ArrayBuffer[];
} {
  try {
    const value = calls[call.name](call as never);
    return { reply: { kind: "done", value }, transfer: value instanceof Uint32Array ? [value.buffer] : [] };
  } catch (error) {
    return { reply: { kind: "failed", error: toWireError("serve", clientError(error)) }, transfer: [] };
  }
}

/** What is nested so deeply that a compiler's stack overflows is a fault of the request. */
function clientError(error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.includes("call stack")) return error;
  return new SlmError("DATA_INVALID", "the request is nested too deeply", { cause: error });
}
