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
  /** Whether this is another device's work done by a processor: no time measured here is of that device. */
  readonly simulated: boolean;
  /** Devices that were tried before, in order; empty where the first one computes. */
  readonly fallbacks: readonly Fallback[];
}

/** A graph to load: a file (external data is found beside it) or its bytes (all weights inside). */
export type GraphSource =
  { readonly kind: "file"; readonly path: string } | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface LoadOptions {
  /** Name used in error messages and profiles. */
  readonly name?: string;
  /** How hard the runtime rewrites the graph before running it. Default "all". */
  readonly optimization?: "none" | "basic" | "extended" | "all";
  /**
   * Whether a run takes all its memory as one block planned beforehand (default), or piece by piece. Pieces are used again
   * within a run: a third less memory for a training step, for 3 % more time.
   */
  readonly planMemory?: boolean;
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
  readonly fetch?: readonly string[];
  /** Outputs to keep on the device as new tensors; the caller releases them. */
  readonly keep?: readonly string[];
  /**
   * Outputs written into tensors that exist. The same device tensor may be fed in this very run, so that a
   * cache or a weight is updated in place; the graph must then read it before writing (`assertInPlaceSafe`).
   */
  readonly into?: Readonly<Record<string, DeviceTensor>>;
  /** Outputs that are new positions of caches that exist. */
  readonly append?: AppendRequest;
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

/** A loaded graph. Runs of one session are executed in the order they were requested. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(request: RunRequest): Promise<RunResult>;
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
