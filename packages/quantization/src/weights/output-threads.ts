/** Divides the inner loop of block formats among threads, by outputs, which are independent. */
import { Worker } from "node:worker_threads";
import { SlmError, REINSTALL } from "@slm/core";
import { OUTPUTS_WORKER } from "../worker-file.js";
import { quantizeOutputs, type OutputsJob } from "./kernels/quantize-outputs.js";
import type { RangeMessage } from "./kernels/outputs-worker.js";
import type { RunOutputs } from "./quantize-blocks.js";

/** Smaller matrices are faster in the calling thread [weights]. */
const SMALLEST_SHARED = 2 ** 18;

export interface OutputThreads {
  /** Runs one job at a time, with its outputs divided evenly. The results are bit for bit the same as in one thread. */
  readonly run: RunOutputs;
  close(): Promise<void>;
}

/** Shared memory that grows as needed and is reused for the next matrix. */
class SharedMemory {
  readonly #buffers = new Map<string, SharedArrayBuffer>();

  float32(slot: string, numbers: Float32Array): Float32Array {
    const copy = new Float32Array(this.#buffer(slot, numbers.byteLength), 0, numbers.length);
    copy.set(numbers);
    return copy;
  }

  float64(slot: string, numbers: Float64Array): Float64Array {
    const copy = new Float64Array(this.#buffer(slot, numbers.byteLength), 0, numbers.length);
    copy.set(numbers);
    return copy;
  }

  bytes(slot: string, numbers: Uint8Array): Uint8Array {
    const copy = new Uint8Array(this.#buffer(slot, numbers.byteLength), 0, numbers.length);
    copy.set(numbers);
    return copy;
  }

  #buffer(slot: string, size: number): SharedArrayBuffer {
    const known = this.#buffers.get(slot);
    if (known !== undefined && known.byteLength >= size) return known;
    const buffer = new SharedArrayBuffer(size);
    this.#buffers.set(slot, buffer);
    return buffer;
  }
}

/** One thread, which processes one range at a time. */
class Thread {
  readonly #worker: Worker;

  constructor() {
    // The compiled worker does not need this process's flags (loaders, conditions).
    this.#worker = new Worker(OUTPUTS_WORKER, { name: "slm-quantize", execArgv: [] });
    this.#worker.unref();
  }

  run(message: RangeMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        this.#worker.off("message", done);
        this.#worker.off("error", fail);
        this.#worker.unref();
        end();
      };
      const done = (): void => {
        settle(resolve);
      };
      const fail = (cause: Error): void => {
        settle(() => {
          reject(
            new SlmError("UNEXPECTED", `quantize: a thread failed: ${cause.message}`, {
              cause,
              suggestions: [REINSTALL],
            }),
          );
        });
      };
      this.#worker.once("message", done);
      this.#worker.once("error", fail);
      this.#worker.ref();
      this.#worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/**
 * Starts the threads.
 *
 * @param count number of threads; with one, the loop runs in the calling thread
 */
export function openOutputThreads(count: number): OutputThreads {
  const threads = count > 1 ? Array.from({ length: count }, () => new Thread()) : [];
  const memory = new SharedMemory();
  const run = async (job: OutputsJob, outputs: number): Promise<void> => {
    if (threads.length === 0 || job.values.length < SMALLEST_SHARED) {
      quantizeOutputs(job, 0, outputs);
      return;
    }
    const { codes, scales, zeroPoints, feedback, squares, distances } = job;
    const common: OutputsJob = {
      ...job,
      values: memory.float32("values", job.values),
      codes: memory.bytes("codes", codes),
      scales: memory.float32("scales", scales),
      squares: memory.float64("squares", squares),
      distances: memory.float64("distances", distances),
      zeroPoints: zeroPoints && memory.bytes("zeroPoints", zeroPoints),
      feedback: feedback && memory.float64("feedback", feedback),
    };
    const edge = (at: number): number => Math.floor((at * outputs) / threads.length);
    await Promise.all(
      threads.map((thread, at) => thread.run({ job: common, from: edge(at), to: edge(at + 1) })),
    );
    codes.set(common.codes);
    scales.set(common.scales);
    squares.set(common.squares);
    distances.set(common.distances);
    if (common.zeroPoints !== undefined) zeroPoints!.set(common.zeroPoints);
  };
  return {
    run,
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
