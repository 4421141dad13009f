/** The host's side of a channel: answers every message with one reply, in order. */
import { SerialQueue, repeatInTurns, stopFlag } from "./channel.js";
import { loopBody } from "./run-loop.js";
import { type CallName, type Host, type RepeatedResult, type ReplyOf, dispatch } from "./protocol.js";
import {
  type CallMessage,
  type RepeatMessage,
  type ReplyMessage,
  type StopMessage,
  toWireError,
} from "./wire.js";

/**
 * Results within this time are sent in one message [ms]. A message costs both sides more than a decoding step of a small model, and no caller needs
 * results that fast.
 */
const TELL_EVERY_MS = 4;

/** The port through which a host is served. */
export interface HostPort {
  /** Package name for error messages. */
  readonly name: string;
  /** Sends a reply. The buffers belong to the receiver. If the port can transfer them, they are not copied. */
  readonly post: (message: ReplyMessage, buffers: readonly ArrayBufferLike[]) => void;
}

/** Buffers of a reply's tensors. */
function buffersOf(reply: ReplyOf<CallName>): ArrayBufferLike[] {
  if (reply === null || typeof reply === "number" || "inputs" in reply) return [];
  const tensors = "fetched" in reply ? reply.fetched : [reply];
  return tensors.map(({ data }) => data.buffer);
}

/** @returns the receiver of the caller's messages */
export function serveHost(
  host: Host,
  { name: runtime, post }: HostPort,
): (message: CallMessage | RepeatMessage | StopMessage) => void {
  const queue = new SerialQueue();
  const repetitions = new Map<number, () => void>();

  async function answer({ call, name, request }: CallMessage): Promise<void> {
    try {
      const reply = await dispatch(host, name, request);
      post({ kind: "done", call, reply }, buffersOf(reply));
    } catch (error) {
      post({ kind: "failed", call, error: toWireError(runtime, error) }, []);
    }
  }

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
    const own = stopFlag();
    const { module, stop = own.flag, ...positional } = request;
    repetitions.set(call, own.stop);
    let message: ReplyMessage;
    try {
      // A caller in the same process sends a flag in shared memory. For other callers, the stop message sets this flag.
      await repeatInTurns(
        queue,
        host.repeat({ ...positional, body: () => loopBody(module), stop }),
        (result) => {
          results.push(result);
          if (performance.now() - toldAt >= TELL_EVERY_MS) tell();
        },
      );
      message = { kind: "done", call, reply: null };
    } catch (error) {
      message = { kind: "failed", call, error: toWireError(runtime, error) };
    }
    repetitions.delete(call);
    tell();
    post(message, []);
  }

  return (message) => {
    if (message.name === "stop") repetitions.get(message.call)?.();
    else if (message.name === "repeat") void repeat(message);
    else void queue.add(() => answer(message));
  };
}
