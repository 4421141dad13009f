/** Entry of the worker thread: answers every message with one reply, in order. */
import { parentPort } from "node:worker_threads";
import { SlmError } from "@slm/error";
import { SerialQueue } from "./channel.js";
import { OrtHost } from "./ort-host.js";
import { type CallName, type ReplyOf, dispatch } from "./protocol.js";
import { type CallMessage, type ReplyMessage, toWireError } from "./worker-protocol.js";

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "runtime-cpu: worker.js must be started as a worker thread");
const port = parentPort;
const host = new OrtHost();
const queue = new SerialQueue();

/** Buffers of a reply belong to the receiver: they move instead of being copied. */
function buffersOf(reply: ReplyOf<CallName>): ArrayBuffer[] {
  if (reply === null || typeof reply === "number" || "inputs" in reply) return [];
  const tensors = "fetched" in reply ? reply.fetched : [reply];
  return tensors.map(({ data }) => data.buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}

async function answer({ call, name, request }: CallMessage): Promise<void> {
  let message: ReplyMessage;
  try {
    message = { kind: "done", call, reply: await dispatch(host, name, request) };
  } catch (error) {
    message = { kind: "failed", call, error: toWireError(error) };
  }
  port.postMessage(message, message.kind === "done" ? buffersOf(message.reply) : []);
}

port.on("message", (message: CallMessage) => {
  void queue.add(() => answer(message));
});
