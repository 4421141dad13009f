import type { Int8Arithmetic } from "./cpu-features.js";
import type { DType, HostTensor } from "./host-tensor.js";

/** A device that was to compute and does not. */
export interface Fallback {
  /** As it was asked for: "gpu:cuda", "npu:qnn". */
  readonly device: string;
  /** Why it does not. */
  readonly reason: string;
}

/** Where a runtime computes. `simulated` is never false for a device this process does not really use. */
export interface RuntimeDevice {
  /** Execution provider in ONNX Runtime's words: "cpu", "cuda", ... */
  readonly provider: string;
  readonly threads: number;
  readonly description: string;
  /** Whether this is another device's work done by a CPU: no time measured here is of that device. */
  readonly simulated: boolean;
  /** Devices that were tried before, in order; empty where the first one computes. */
  readonly fallbacks: readonly Fallback[];
  /** How it multiplies 8-bit integers, where a CPU computes. */
  readonly int8?: Int8Arithmetic | undefined;
}

/** A graph to load: a file (external data is found beside it) or its bytes (all weights inside). */
export type GraphSource =
  | {
      readonly kind: "file";
      readonly path: string;
      /**
       * Nodes, constants and outputs put behind the file's own, as `encodeAddition` of `@slm/onnx` makes them: a graph with them that
       * nobody wrote to a disk.
       */
      readonly added?: Uint8Array | undefined;
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface LoadOptions {
  /** Name used in error messages and profiles. */
  readonly name?: string | undefined;
  /** How hard the runtime rewrites the graph before running it. Default "all". */
  readonly optimization?: "none" | "basic" | "extended" | "all" | undefined;
  /**
   * Whether a run takes all its memory as one block planned beforehand (default), or piece by piece. Pieces are used again
   * within a run: a third less memory for a training step, for 3 % more time.
   */
  readonly planMemory?: boolean | undefined;
}

/** A tensor that stays with the runtime between runs: weights, optimizer moments, KV caches. */
export interface DeviceTensor {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface RunRequest {
  /** Every graph input by name. A host tensor is copied to the device; a device tensor is used where it is. */
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  /** Outputs to copy back to the host. */
  readonly fetch?: readonly string[] | undefined;
  /** Outputs to keep on the device as new tensors; the caller releases them. */
  readonly keep?: readonly string[] | undefined;
  /**
   * Outputs written into tensors that exist. The same device tensor may be fed in this very run, so that a
   * cache or a weight is updated in place; the graph must then read it before writing (`assertInPlaceSafe`).
   */
  readonly into?: Readonly<Record<string, DeviceTensor>> | undefined;
  /** Outputs that are new positions of caches that exist. */
  readonly append?: AppendRequest | undefined;
}

/**
 * Outputs `[rows, length, heads · dim]` written into caches `[rows, heads, capacity, dim]` after the run. Where a cache is also
 * fed, the graph sees it as it was before; what a step copies is then its own positions and not the whole cache.
 */
export interface AppendRequest {
  /** First position written: one number for all rows, or one for each. */
  readonly at: readonly number[];
  /** Caches by the names of the outputs. */
  readonly outputs: Readonly<Record<string, DeviceTensor>>;
}

export interface RunResult {
  readonly fetched: Readonly<Record<string, HostTensor>>;
  readonly kept: Readonly<Record<string, DeviceTensor>>;
}

/** Runs of which each but the first is fed what the one before it picked, as in greedy decoding. */
export interface RepeatRequest extends Pick<RunRequest, "feeds" | "into" | "append"> {
  /** Input of ids, int32 `[rows, length]` in the first run and `[rows, 1]` in the others: what was picked for each row. */
  readonly ids: string;
  /** Input of the number of positions before, int32 `[1]`. After a run it grows by the length of its ids, and so does `append.at`. */
  readonly position: string;
  /** Output of what follows, int32 `[rows]`. */
  readonly picks: string;
  /** Further outputs that are copied to the host after every run. */
  readonly fetch?: readonly string[] | undefined;
  /** Pick that ends its row. Absent: none does. */
  readonly end?: number | undefined;
  /** What is fed to rows that have ended. */
  readonly pad: number;
  /** Most runs. */
  readonly runs: number;
  readonly signal?: AbortSignal | undefined;
}

/** One of several runs. */
export interface RepeatedRun {
  /** The picks and what else was asked for. */
  readonly fetched: RunResult["fetched"];
  /** When it was done, by the reader's `performance.now()` [ms]. */
  readonly at: number;
}

/** A loaded graph. Runs of one session are executed in the order they were requested. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Runs as often as asked, until every row has ended, the signal fires or the reader leaves; the run in progress is then the last.
   * Other calls come between two runs. It begins when the first result is asked for and is over when the reader has got to its end
   * or left. A runtime whose runs are a message away (runtime-node and those upon it) computes ahead of the reader; every other is read
   * run by run ({@link repeatRuns}).
   *
   * @throws SlmError (while it is read) as `run` does; SHAPE_MISMATCH for ids, a position or picks of another type
   */
  repeat(request: RepeatRequest): AsyncIterable<RepeatedRun>;
  release(): Promise<void>;
}

/**
 * Runs graphs on one device. Implementations live in packages named runtime-*; everything else is handed one.
 *
 * @throws SlmError DEVICE_UNAVAILABLE when the device is not there, DATA_INVALID when a graph cannot be loaded.
 */
export interface Runtime {
  readonly device: RuntimeDevice;
  load(source: GraphSource, options?: LoadOptions): Promise<Session>;
  upload(tensor: HostTensor): Promise<DeviceTensor>;
  /** Copies a device tensor to the host. */
  download(tensor: DeviceTensor): Promise<HostTensor>;
  /** Overwrites a device tensor of the same dtype and shape. */
  write(target: DeviceTensor, source: HostTensor): Promise<void>;
  /**
   * Rows of axis 0 in a new order: target[i] = target[rows[i]], in place and safe when rows repeat.
   * Used by beam search (reordering caches) and by batches whose finished rows leave.
   */
  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void>;
  release(tensors: readonly DeviceTensor[]): Promise<void>;
  /** Peak resident memory of the process that computes, in bytes. */
  peakMemoryBytes(): Promise<number>;
  close(): Promise<void>;
}
