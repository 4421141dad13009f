/** Entry of the worker thread: answers every message with one reply, in order. */
import { parentPort } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { SerialQueue, repeatInTurns } from "./channel.js";
import { OrtHost } from "./ort-host.js";
import { type CallName, type RepeatedResult, type ReplyOf, dispatch } from "./protocol.js";
import { type CallMessage, type RepeatMessage, type ReplyMessage, toWireError } from "./worker-protocol.js";

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "runtime-node: worker.js must be started as a worker thread");
const port = parentPort;
const host = new OrtHost();
const queue = new SerialQueue();

/** Buffers of a reply belong to the receiver: they move instead of being copied. */
function buffersOf(reply: ReplyOf<CallName>): ArrayBufferLike[] {
  if (reply === null || typeof reply === "number" || "inputs" in reply) return [];
  const tensors = "fetched" in reply ? reply.fetched : [reply];
  return tensors.map(({ data }) => data.buffer);
}

function post(message: ReplyMessage, buffers: readonly ArrayBufferLike[]): void {
  port.postMessage(
    message,
    buffers.filter((buffer) => buffer instanceof ArrayBuffer),
  );
}

async function answer({ call, name, request }: CallMessage): Promise<void> {
  let message: ReplyMessage;
  try {
    message = { kind: "done", call, reply: await dispatch(host, name, request) };
  } catch (error) {
    message = { kind: "failed", call, error: toWireError(error) };
  }
  post(message, message.kind === "done" ? buffersOf(message.reply) : []);
}

/**
 * Results that arrive within this time are sent in one message [ms]. A message costs both threads more than a decoding step of a
 * small model, and no reader needs results that fast.
 */
const TELL_EVERY_MS = 4;

async function repeat({ call, request }: RepeatMessage): Promise<void> {
  let results: RepeatedResult[] = [];
  let toldAt = -Infinity;
  const tell = (): void => {
    if (results.length === 0) return;
    const buffers = results.flatMap(({ fetched }) => fetched.map(({ data }) => data.buffer));
    post({ kind: "results", call, results }, buffers);
    toldAt = performance.now();
    results = [];
  };
  let message: ReplyMessage;
  try {
    await repeatInTurns(queue, host.repeat(request), (result) => {
      results.push(result);
      if (performance.now() - toldAt >= TELL_EVERY_MS) tell();
    });
    message = { kind: "done", call, reply: null };
  } catch (error) {
    message = { kind: "failed", call, error: toWireError(error) };
  }
  tell();
  post(message, []);
}

port.on("message", (message: CallMessage | RepeatMessage) => {
  void (message.name === "repeat" ? repeat(message) : queue.add(() => answer(message)));
});
