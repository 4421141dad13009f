import type { Int8Arithmetic } from "./cpu-features.js";
import type { DType, HostTensor } from "./tensors/host-tensor.js";

/** A requested device that cannot be used. */
export interface Fallback {
  /** As requested: "gpu:cuda", "npu:qnn". */
  readonly device: string;
  /** Why it cannot be used. */
  readonly reason: string;
}

/** The device that a runtime computes on. `simulated` is true unless this process really uses the device. */
export interface RuntimeDevice {
  /** Execution provider as ONNX Runtime names it: "cpu", "cuda", ... */
  readonly provider: string;
  readonly threads: number;
  readonly description: string;
  /** Whether the CPU simulates another device. Times measured here say nothing about that device. */
  readonly simulated: boolean;
  /** Devices that were tried first and failed, in order; empty if the first one works. */
  readonly fallbacks: readonly Fallback[];
  /** How the CPU multiplies 8-bit integers; absent for other devices. */
  readonly int8?: Int8Arithmetic | undefined;
}

/** A form of a graph that a vendor's compiler produced ahead of time: an ONNX file with the vendor's binary next to it. */
export interface CompiledForm {
  readonly path: string;
  /** The plug-in that compiled it: "qnn 2.7.0". Other versions may reject the binary. */
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
       * Compiled forms of the same graph. A runtime loads the form that matches its device and plug-in, otherwise the portable graph.
       */
      readonly compiled?: readonly CompiledForm[] | undefined;
      /**
       * Nodes, constants and outputs to append to the file's graph, encoded by `encodeAddition` of `@slm/onnx`. The extended graph is
       * never written to disk.
       */
      readonly added?: Uint8Array | undefined;
      /**
       * The edited graph of the file, encoded by `encodeLinked` of `@slm/onnx`. It is loaded instead of the file, with the weights in the file's
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
   * Whether a run allocates its memory as one planned block (default: ONNX Runtime's memory pattern) or piece by piece. Pieces are reused within a
   * run: a training step needs a third less memory and 3 % more time.
   */
  readonly planMemory?: boolean | undefined;
  /**
   * Typical work of a run [FLOP]. Unless the number of threads is set, a runtime uses one thread for small graphs, because waking more threads takes
   * longer than their share of the work. Default: a large graph.
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
  /** Outputs to keep on the device as new tensors. The caller releases them. */
  readonly keep?: readonly string[] | undefined;
  /**
   * Allows a run that fetches nothing to return its kept tensors before it is done, which saves a round trip. Calls that use those tensors are
   * executed after the run, and throw its error if it failed. A runtime returns them early if it runs in another thread and can infer their shapes
   * from the fed shapes. Default false.
   */
  readonly ahead?: boolean | undefined;
  /**
   * Outputs written into existing tensors. The same device tensor may be an input of the same run, so that a
   * cache or a weight is updated in place; the graph must then read it before writing (`assertInPlaceSafe`).
   */
  readonly into?: Readonly<Record<string, DeviceTensor>> | undefined;
  /** Outputs with new positions to append to existing caches. */
  readonly append?: AppendRequest | undefined;
}

/**
 * Outputs `[rows, length, heads · dim]` written into caches `[rows, heads, capacity, dim]` after the run. If a cache is also an input, the graph
 * reads its contents from before the run. A step thus copies only its new positions, not the whole cache.
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
 * Runs the graph once, with these inputs replacing those of the previous run.
 *
 * @param changed inputs by name. A tensor that is the same object as in the previous run may have new contents. The loop must not change them before
 * the run has ended.
 * @param moved offset of the append positions, relative to those of the request
 * @returns the fetched outputs, in the order of the request
 */
type RunStep = (
  changed: Readonly<Record<string, HostTensor>>,
  moved: number,
) => Promise<readonly HostTensor[]>;

/** The inputs of a loop: the request's host tensors by input name, and its options. */
interface LoopStart {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly options: unknown;
}

/** Controls the runs of one graph: runs it and yields after each run. The next run starts when the next result is requested. */
export type LoopBody = (run: RunStep, start: LoopStart) => AsyncGenerator<undefined, undefined>;

/** A loop that a runtime can run next to its sessions, in another thread or process. */
export interface RunLoop {
  /** URL of a compiled module that exports the loop's body as `loop`. */
  readonly module: () => string;
  /** The same body, for sessions in this thread. */
  readonly body: LoopBody;
}

/** Runs of a graph that are controlled by a loop. */
export interface RepeatRequest extends Pick<RunRequest, "feeds" | "into" | "append"> {
  readonly loop: RunLoop;
  /** Options of the loop, as plain data. */
  readonly options: unknown;
  /** Outputs that are copied to the host after every run. */
  readonly fetch: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** The result of one run of a loop. */
export interface RepeatedRun {
  /** The outputs of `fetch`. */
  readonly fetched: RunResult["fetched"];
  /** When the run ended, on the reader's `performance.now()` clock [ms]. */
  readonly at: number;
}

/** A loaded graph. Runs of one session are executed in the order of the calls. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** The compiled form that was loaded instead of the portable graph. */
  readonly compiled?: CompiledForm | undefined;
  run(request: RunRequest): Promise<RunResult>;
  /**
   * Runs until the loop ends, the signal fires or the caller stops iterating. The run in progress is then the last one. Other calls may run between
   * two runs. The first run begins when the first result is requested. A runtime in a worker (runtime-node) computes ahead of the caller. Other
   * runtimes compute one run per requested result ({@link repeatRuns}).
   *
   * @throws SlmError (while iterating) the errors of `run` and of the loop
   */
  repeat(request: RepeatRequest): AsyncIterable<RepeatedRun>;
  release(): Promise<void>;
}

/**
 * Runs graphs on one device. Implementations live in packages named runtime-*; all other code receives one as an argument.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the device is missing, DATA_INVALID if a graph cannot be loaded, OP_UNSUPPORTED if the device must compute
 * the whole graph and cannot.
 */
export interface Runtime {
  readonly device: RuntimeDevice;
  load(source: GraphSource, options?: LoadOptions): Promise<Session>;
  upload(tensor: HostTensor): Promise<DeviceTensor>;
  /** Copies a device tensor to the host. */
  download(tensor: DeviceTensor): Promise<HostTensor>;
  /**
   * Reorders the rows of axis 0 in place: target[i] = target[rows[i]]. Rows may repeat. Beam search uses it to reorder caches, and batches use it to
   * drop finished rows.
   */
  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void>;
  release(tensors: readonly DeviceTensor[]): Promise<void>;
  /** Peak resident memory of the process that computes, in bytes. */
  peakMemoryBytes(): Promise<number>;
  close(): Promise<void>;
}
