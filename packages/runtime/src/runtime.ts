import type { Int8Arithmetic } from "./cpu-features.js";
import type { DType, HostTensor } from "./tensors/host-tensor.js";

/** A requested device that cannot be used. */
export interface Fallback {
  /** As requested: "gpu:cuda", "npu:qnn". */
  readonly device: string;
  /** Why it cannot be used. */
  readonly reason: string;
}

/** Where a runtime computes. `simulated` is never false for a device this process does not really use. */
export interface RuntimeDevice {
  /** Execution provider in ONNX Runtime's words: "cpu", "cuda", ... */
  readonly provider: string;
  readonly threads: number;
  readonly description: string;
  /** Whether the CPU stands in for another device: times measured here say nothing about that device. */
  readonly simulated: boolean;
  /** Devices that were tried first and failed, in order; empty if the first one works. */
  readonly fallbacks: readonly Fallback[];
  /** How the CPU multiplies 8-bit integers; absent for other devices. */
  readonly int8?: Int8Arithmetic | undefined;
}

/** A form of a graph that a vendor's compiler made ahead of time: an ONNX file with the vendor's binary beside it. */
export interface CompiledForm {
  readonly path: string;
  /** The plug-in that compiled it: "qnn 2.7.0". Another version may refuse the binary. */
  readonly plugin: string;
  /** The chip it was compiled for. */
  readonly soc: string;
}

/** A graph to load: a file (external data is in the same folder) or its bytes (all weights inside). */
export type GraphSource =
  | {
      readonly kind: "file";
      readonly path: string;
      /**
       * Compiled forms of the same graph. A runtime whose device and plug-in fit one of them loads it; every other runtime loads
       * the portable graph.
       */
      readonly compiled?: readonly CompiledForm[] | undefined;
      /**
       * Nodes, constants and outputs to append to the file's graph, encoded by `encodeAddition` of `@slm/onnx`. The extended graph is
       * never written to disk.
       */
      readonly added?: Uint8Array | undefined;
      /**
       * The file's graph, edited, encoded by `encodeLinked` of `@slm/onnx`: loaded in place of the file, with the weights in the file's
       * folder. It is never written to disk.
       */
      readonly edited?: Uint8Array | undefined;
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface LoadOptions {
  /** Name used in error messages and profiles. */
  readonly name?: string | undefined;
  /** Graph optimization level of ONNX Runtime. Default "all". */
  readonly optimization?: "none" | "basic" | "extended" | "all" | undefined;
  /**
   * Whether a run allocates all its memory as one block planned beforehand (default: ONNX Runtime's memory pattern) or piece by
   * piece. Pieces are reused within a run: a third less memory for a training step, for 3 % more time.
   */
  readonly planMemory?: boolean | undefined;
  /**
   * What a run usually computes [FLOP]. A runtime whose threads were not chosen computes little on one of them: waking others takes longer
   * than their part of the work. Default: much.
   */
  readonly work?: number | undefined;
}

/** A tensor that stays with the runtime between runs: weights, optimizer moments, KV caches. */
export interface DeviceTensor {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface RunRequest {
  /** Every graph input by name. A host tensor is copied to the device; a device tensor is used in place. */
  readonly feeds: Readonly<Record<string, HostTensor | DeviceTensor>>;
  /** Outputs to copy back to the host. */
  readonly fetch?: readonly string[] | undefined;
  /** Outputs to keep on the device as new tensors; the caller releases them. */
  readonly keep?: readonly string[] | undefined;
  /**
   * Allows a run that fetches nothing to hand out what it keeps before it is done, which saves the caller a message and its answer. Calls that use
   * those tensors follow the run in order, and throw its error if it failed. A runtime hands them out early where it runs in another thread and
   * the fed shapes decide theirs. Default false.
   */
  readonly ahead?: boolean | undefined;
  /**
   * Outputs written into existing tensors. The same device tensor may be an input of the same run, so that a
   * cache or a weight is updated in place; the graph must then read it before writing (`assertInPlaceSafe`).
   */
  readonly into?: Readonly<Record<string, DeviceTensor>> | undefined;
  /** Outputs that are new positions to append to existing caches. */
  readonly append?: AppendRequest | undefined;
}

/**
 * Outputs `[rows, length, heads · dim]` written into caches `[rows, heads, capacity, dim]` after the run. If a cache is also an
 * input, the graph reads it as it was before the run. A step thus copies only its new positions, not the whole cache.
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

/**
 * Makes one run of the graph, with these inputs in place of those of the run before.
 *
 * @param changed inputs by name. A tensor that is the same object as in the run before may have other contents; the loop does not change them
 * before the run has ended.
 * @param moved by how many positions appends begin after those of the request
 * @returns the fetched outputs, in the order of the request
 */
type RunStep = (
  changed: Readonly<Record<string, HostTensor>>,
  moved: number,
) => Promise<readonly HostTensor[]>;

/** What a loop is given: the request's host tensors by the names of inputs, and its options. */
interface LoopStart {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly options: unknown;
}

/** Steers runs of one graph: makes a run, and yields what its reader is told about it. It makes the next run when the next result is asked for. */
export type LoopBody = (run: RunStep, start: LoopStart) => AsyncGenerator<unknown, undefined>;

/** A loop that a runtime can run next to its sessions, in another thread or process. */
export interface RunLoop {
  /** URL of a compiled module that exports the body as `loop`. */
  readonly module: () => string;
  /** The same for sessions in this thread. */
  readonly body: LoopBody;
}

/** Runs of a graph that a loop steers. */
export interface RepeatRequest extends Pick<RunRequest, "feeds" | "into" | "append"> {
  readonly loop: RunLoop;
  /** Options of the loop, as plain data. */
  readonly options: unknown;
  /** Outputs that are copied to the host after every run. */
  readonly fetch: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** The result of one of several runs. */
export interface RepeatedRun {
  /** The outputs of `fetch`. */
  readonly fetched: RunResult["fetched"];
  /** What the loop yielded after the run. */
  readonly said: unknown;
  /** When the run ended, on the reader's `performance.now()` clock [ms]. */
  readonly at: number;
}

/** A loaded graph. Runs of one session are executed in the order they were requested. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** The compiled form that was loaded in place of the portable graph. */
  readonly compiled?: CompiledForm | undefined;
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Runs until the loop ends, the signal fires or the reader stops iterating; the run in progress is then the last. Other calls may run
   * between two runs. The first run begins when the first result is requested. A runtime in a worker
   * (runtime-node) computes ahead of the reader; every other one computes a run per requested result ({@link repeatRuns}).
   *
   * @throws SlmError (while it is read) as `run` and the loop do
   */
  repeat(request: RepeatRequest): AsyncIterable<RepeatedRun>;
  release(): Promise<void>;
}

/**
 * Runs graphs on one device. Implementations live in packages named runtime-*; all other code receives one as an argument.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the device is missing, DATA_INVALID if a graph cannot be loaded, OP_UNSUPPORTED if a device that must compute all of it does not.
 */
export interface Runtime {
  readonly device: RuntimeDevice;
  load(source: GraphSource, options?: LoadOptions): Promise<Session>;
  upload(tensor: HostTensor): Promise<DeviceTensor>;
  /** Copies a device tensor to the host. */
  download(tensor: DeviceTensor): Promise<HostTensor>;
  /**
   * Rows of axis 0 in a new order: target[i] = target[rows[i]], in place and safe when rows repeat.
   * Used by beam search to reorder caches and by batches to drop finished rows.
   */
  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void>;
  release(tensors: readonly DeviceTensor[]): Promise<void>;
  /** Peak resident memory of the process that computes, in bytes. */
  peakMemoryBytes(): Promise<number>;
  close(): Promise<void>;
}
