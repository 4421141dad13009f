/**
 * Threads of a served model. All work that grows with the size of a request runs there, so that the event loop stays free. Small requests
 * have their own thread, so that they do not wait for large ones; so do formats.
 */
import { SlmError } from "@slm/core";
import type { ImageSource } from "@slm/vision";
import type { ReaderModel, ReadRequest } from "../requests/read-request.js";
import type { RequestForm } from "../requests/request-forms.js";
import type { ImageFile } from "../requests/request-image.js";
import { ThreadConstraint } from "./thread-constraint.js";
import type { RestrictingFormat } from "../requests/text-formats.js";
import type { ThreadCall, ThreadCalls } from "./thread-calls.js";
import { WorkThread, type ThreadRequest, type WorkThreadOptions } from "./work-thread.js";
import { REQUEST_WORKER } from "../worker-file.js";

/** Largest body of a small request [bytes]. */
const SMALL_BYTES = 2 ** 14;

/** Limits for work that few requests need and many attacks use. On a busy CPU other threads go first. */
const SHARED = {
  seconds: 2,
  waitSeconds: 20,
  share: 0.25,
  burstMs: 500,
  memoryMb: 1024,
  idleMs: 10_000,
  niceness: 5,
};

/** Kinds of requests, and their threads. */
const THREADS = {
  small: { name: "slm-read", seconds: 2, waitSeconds: 20, maxWaiting: 4096, memoryMb: 1024, niceness: 0 },
  large: { name: "slm-read-large", maxWaiting: 64, ...SHARED },
  images: { name: "slm-images", maxWaiting: 512, ...SHARED, seconds: 10, share: 1 },
  formats: { name: "slm-formats", maxWaiting: 4096, ...SHARED, share: 0.5 },
} as const satisfies Readonly<Record<string, ThreadSettings>>;

type ThreadSettings = Omit<WorkThreadOptions, "url" | "data"> & Pick<RequestWorkerData, "niceness">;

/** `workerData` of the threads. */
export interface RequestWorkerData extends ReaderModel {
  /** Niceness for `letOthersGoFirst`. */
  readonly niceness: number;
}

export class RequestThreads {
  readonly #small: WorkThread;
  readonly #large: WorkThread;
  readonly #images: WorkThread;
  readonly #formats: WorkThread;

  constructor(data: ReaderModel) {
    const open = (kind: keyof typeof THREADS): WorkThread => {
      const { niceness, ...options } = THREADS[kind];
      return new WorkThread({ ...options, url: REQUEST_WORKER, data: { ...data, niceness } });
    };
    [this.#small, this.#large] = [open("small"), open("large")];
    [this.#images, this.#formats] = [open("images"), open("formats")];
  }

  /** Starts the thread for small requests, which most requests need. */
  async start(): Promise<void> {
    await call(this.#small, { message: { name: "forget", answer: 0 } });
  }

  /** @throws SlmError as `requestReader`; BUSY if too many requests wait to be read; the signal's reason */
  async read(form: RequestForm, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<ReadRequest> {
    const thread = body.length <= SMALL_BYTES ? this.#small : this.#large;
    return (await call(thread, {
      message: { name: "read", form, body },
      transfer: [body.buffer],
      signal,
    })) as ReadRequest;
  }

  /** Decodes an image and cuts it into patches, in a thread. */
  imageOf({ bytes, key }: ImageFile, signal: AbortSignal): ImageSource {
    const found = {
      key,
      decode: () => Promise.reject(new SlmError("UNEXPECTED", "serve: images are decoded in a thread")),
      patchRows: async () =>
        (await call(this.#images, { message: { name: "patches", file: bytes }, signal })) as Float32Array,
    };
    return { find: () => Promise.resolve(found) };
  }

  /**
   * The constraint of an answer's format, until a signal fires.
   *
   * @throws SlmError DATA_INVALID for a schema that is not supported, OP_UNSUPPORTED for a vocabulary that is not.
   */
  constraintOf(format: RestrictingFormat, signal: AbortSignal): Promise<ThreadConstraint> {
    return ThreadConstraint.open(
      {
        allowed: async (ask) =>
          (await call(this.#formats, { message: { name: "allowed", ...ask }, signal })) as ReturnType<
            ThreadCalls["allowed"]
          >,
        forget: async (answer) => {
          if (this.#formats.isStarted) await call(this.#formats, { message: { name: "forget", answer } });
        },
      },
      format,
      signal,
    );
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#small, this.#large, this.#images, this.#formats].map((thread) => thread.close()),
    );
  }
}

/** A call with its kind. */
async function call(
  thread: WorkThread,
  request: ThreadRequest & { readonly message: ThreadCall },
): Promise<unknown> {
  return thread.run(request);
}
