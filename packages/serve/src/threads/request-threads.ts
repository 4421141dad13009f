/**
 * The threads of a served model. Everything that grows with what a client sends is done there: the event loop stays free for the others.
 * Small requests have a thread of their own, so that they do not wait behind large ones; so have formats.
 */
import type { ReaderModel, ReadRequest } from "../requests/read-request.js";
import type { RequestForm } from "../requests/request-forms.js";
import { ThreadConstraint } from "./thread-constraint.js";
import type { RestrictingFormat } from "../requests/text-formats.js";
import type { ThreadCall, ThreadCalls } from "./thread-calls.js";
import { WorkThread, type WorkThreadOptions } from "./work-thread.js";
import { REQUEST_WORKER } from "../worker-file.js";

/** Largest body of a small request [bytes]. */
const SMALL_BYTES = 2 ** 14;

/** Lanes of requests, and their threads. */
const LANES = {
  small: { name: "slm-read", seconds: 2, maxWaiting: 4096, memoryMb: 1024 },
  large: { name: "slm-read-large", seconds: 2, maxWaiting: 64, memoryMb: 1024, idleMs: 10_000 },
  formats: { name: "slm-formats", seconds: 2, maxWaiting: 4096, memoryMb: 1024, idleMs: 10_000 },
} as const satisfies Readonly<Record<string, Omit<WorkThreadOptions, "url" | "data">>>;

export class RequestThreads {
  readonly #small: WorkThread;
  readonly #large: WorkThread;
  readonly #formats: WorkThread;

  constructor(data: ReaderModel) {
    const open = (lane: keyof typeof LANES): WorkThread =>
      new WorkThread({ ...LANES[lane], url: REQUEST_WORKER, data });
    [this.#small, this.#large, this.#formats] = [open("small"), open("large"), open("formats")];
  }

  /** Starts the thread of small requests, which most requests need. */
  async start(): Promise<void> {
    await call(this.#small, { name: "forget", answer: 0 });
  }

  /** @throws SlmError as `requestReader`; BUSY if too many requests wait to be read */
  async read(form: RequestForm, body: Uint8Array<ArrayBuffer>): Promise<ReadRequest> {
    const lane = body.length <= SMALL_BYTES ? this.#small : this.#large;
    return (await call(lane, { name: "read", form, body }, [body.buffer])) as ReadRequest;
  }

  /**
   * The constraint of an answer's format, for as long as a signal does not fire.
   *
   * @throws SlmError DATA_INVALID for a schema that is not supported, OP_UNSUPPORTED for a vocabulary that is not.
   */
  constraintOf(format: RestrictingFormat, signal: AbortSignal): Promise<ThreadConstraint> {
    return ThreadConstraint.open(
      {
        allowed: async (ask) =>
          (await call(this.#formats, { name: "allowed", ...ask })) as ReturnType<ThreadCalls["allowed"]>,
        forget: async (answer) => {
          if (this.#formats.isStarted) await call(this.#formats, { name: "forget", answer });
        },
      },
      format,
      signal,
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#small, this.#large, this.#formats].map((thread) => thread.close()));
  }
}

async function call(
  thread: WorkThread,
  message: ThreadCall,
  transfer?: readonly ArrayBuffer[],
): Promise<unknown> {
  return thread.run(message, transfer);
}
