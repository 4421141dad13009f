/** Entry of the threads that read requests and compute the tokens that a format allows. */
import { parentPort, workerData } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { toWireError } from "@slm/runtime/host";
import { imageReader } from "../requests/request-image.js";
import { requestReader } from "../requests/read-request.js";
import { TextFormats } from "../requests/text-formats.js";
import { AllowedTokens } from "./allowed-tokens.js";
import type { ThreadCall, ThreadCalls } from "./thread-calls.js";
import type { RequestWorkerData } from "./request-threads.js";
import { letOthersGoFirst } from "./thread-priority.js";
import type { ThreadReply } from "./work-thread.js";

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "serve: request-worker.js must be started as a worker thread");
const port = parentPort;
const { model, tokenizerFiles, limits, niceness } = workerData as RequestWorkerData;
if (niceness > 0) letOthersGoFirst(niceness);
const read = requestReader({ model, tokenizerFiles, limits });
const formats = new TextFormats(tokenizerFiles, model.tokens.eos);
const { allowed, forget } = new AllowedTokens(formats, model.vocabularySize);
const calls: ThreadCalls = {
  read: ({ form, body }) => read(form, body),
  patches: imageReader(model.vision, limits),
  allowed,
  forget,
};

port.on("message", (call: ThreadCall) => {
  void answer(call).then(({ reply, transfer }) => {
    port.postMessage(reply, transfer);
  });
});
port.postMessage({ kind: "started" } satisfies ThreadReply);

async function answer(
  call: ThreadCall,
): Promise<{ readonly reply: ThreadReply; readonly transfer: readonly ArrayBuffer[] }> {
  try {
    const value: unknown = await calls[call.name](call as never);
    return { reply: { kind: "done", value }, transfer: buffersOf(value) };
  } catch (error) {
    return { reply: { kind: "failed", error: toWireError("serve", clientError(error)) }, transfer: [] };
  }
}

/** Buffers to transfer to the caller. */
function buffersOf(value: unknown): readonly ArrayBuffer[] {
  const isArray = value instanceof Uint32Array || value instanceof Float32Array;
  return isArray && value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
}

/** A stack overflow means that the request is nested too deeply. */
function clientError(error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.includes("call stack")) return error;
  return new SlmError("DATA_INVALID", "the request is nested too deeply", { cause: error });
}
