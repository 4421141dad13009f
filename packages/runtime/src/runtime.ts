import type { Int8Arithmetic } from "./cpu-features.js";
import type { DType, HostTensor } from "./host-tensor.js";
import type { HostDrafts } from "./host-drafts.js";

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

/** Repeated runs, each fed with the picks (argmax ids) of the run before, as in greedy decoding. */
export interface RepeatRequest extends Pick<RunRequest, "feeds" | "into" | "append"> {
  /** Name of the input of ids: int32 `[rows, length]` in the first run, `[rows, 1]` with the picks of each row in the others. */
  readonly ids: string;
  /**
   * Name of the input of the past length, int32 `[1]`. After a run it grows by the length of the run's ids, and so does `append.at`.
   */
  readonly position: string;
  /** Name of the output of the next ids, int32 `[rows]`. */
  readonly picks: string;
  /** Further outputs that are copied to the host after every run. */
  readonly fetch?: readonly string[] | undefined;
  /** Id that ends its row (EOS). Default: none. */
  readonly end?: number | undefined;
  /** Id that is fed to rows that have ended. */
  readonly pad: number;
  /** Largest number of runs. */
  readonly runs: number;
  /** Drafts that runs verify; for one row, whose `picks` are then one for each id of a run. Absent: a run is one token. */
  readonly drafts?: RepeatDrafts | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Drafts of repeated runs: where they come from, and how many there may be. See `draft-feedback.ts`. */
export interface RepeatDrafts {
  /** Largest number of tokens in all. Runs end with it, or with `runs`. */
  readonly tokens: number;
  /** Positions that the caches have room for; a run is fed no more. */
  readonly capacity: number;
  /** Where drafts come from. Absent: there are none. */
  readonly host?: HostDrafts | undefined;
}

/** The result of one of several runs. */
export interface RepeatedRun {
  /** The picks and the outputs of `fetch`. */
  readonly fetched: RunResult["fetched"];
  /** How many of the picks hold; 1 for each row without drafts. */
  readonly accepted: number;
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
   * Runs `runs` times, or until every row has ended, the signal fires or the reader stops iterating; the run in progress is then the
   * last. Other calls may run between two runs. The first run begins when the first result is requested. A runtime in a worker
   * (runtime-node) computes ahead of the reader; every other one computes a run per requested result ({@link repeatRuns}).
   *
   * @throws SlmError (while it is read) as `run` does; SHAPE_MISMATCH for ids, a position or picks of another type
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
  /** Overwrites a device tensor of the same dtype and shape. */
  write(target: DeviceTensor, source: HostTensor): Promise<void>;
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
