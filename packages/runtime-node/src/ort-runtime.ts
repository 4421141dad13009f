/** ONNX Runtime, on any of its execution providers, as a `Runtime`. */
import { availableParallelism, cpus } from "node:os";
import { SlmError } from "@slm/core";
import type { ProviderSettings } from "@slm/devices/table";
import {
  type DeviceTensor,
  type GraphSource,
  type HostTensor,
  type Int8Arithmetic,
  type LoadOptions,
  type RepeatRequest,
  type RepeatedRun,
  type RunRequest,
  type RunResult,
  type Runtime,
  type RuntimeDevice,
  type CheckedGraph,
  type Session,
  checkRows,
  checkWrite,
  checkedGraph,
  createHostTensor,
  nextTensorId,
  checkRun,
  feedbackOf,
} from "@slm/runtime";
import { DirectChannel, type HostChannel } from "./channel.js";
import { OrtHost } from "./ort-host.js";
import type { RepeatedResult, SessionSettings, PositionalRepeat, PositionalRun } from "./protocol.js";
import { EXACT_INT8, measureInt8 } from "./int8-probe.js";
import { openWorkerChannel } from "./worker-channel.js";

// Encodes a checked run for the thread that owns ONNX Runtime: tensors are ids or host tensors.

/** What the encoding needs in addition to the request. */
interface RunEncoding {
  readonly session: number;
  readonly handOver: (tensor: HostTensor) => HostTensor;
  readonly nextId: () => number;
}

/** @throws SlmError SHAPE_MISMATCH naming the missing, unknown or mismatched input or output. */
function encodeRun(graph: CheckedGraph, request: RunRequest, encoding: RunEncoding): PositionalRun {
  const { feeds, fetch, keep, into, intoIds, append } = checkRun(graph, request);
  return {
    session: encoding.session,
    feeds: feeds.map((value) => ("id" in value ? value.id : encoding.handOver(value))),
    fetch,
    keep,
    keepIds: keep.map(() => encoding.nextId()),
    into,
    intoIds,
    append,
  };
}

/** @throws SlmError SHAPE_MISMATCH as {@link encodeRun}, and for ids or a position that are not int32 host tensors */
function encodeRepeat(
  graph: CheckedGraph,
  request: RepeatRequest,
  encoding: RunEncoding,
): Omit<PositionalRepeat, "stop"> {
  const { ids, position, picks, fetch = [], end, pad, runs } = request;
  const encoded = encodeRun(graph, { ...request, fetch: [picks, ...fetch] }, encoding);
  feedbackOf(request);
  return {
    ...encoded,
    ids: graph.inputs.get(ids)!,
    position: graph.inputs.get(position)!,
    pad,
    runs,
    end,
  };
}

/** A queue of results: they arrive in batches and are read one by one. */
class Arrivals<Result> implements AsyncIterable<Result> {
  readonly #waiting: Result[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(results: readonly Result[]): void {
    this.#waiting.push(...results);
    this.#wake?.();
  }

  /** Ends the queue. @param error thrown to the reader after the results that have arrived */
  end(failure: { readonly error?: unknown } = {}): void {
    this.#end ??= failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Result, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#end === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      else if ("error" in this.#end) throw this.#end.error;
      else return;
    }
  }
}

export interface OrtRuntimeOptions {
  /** Package name for error messages. */
  readonly name: string;
  /** Execution providers in order of preference. ONNX Runtime's CPU provider computes the nodes that none of them supports. */
  readonly providers: readonly ProviderSettings[];
  readonly settings?: SessionSettings | undefined;
  /** Known facts about the device; threads and the rest are filled in. */
  readonly device: Partial<RuntimeDevice> & Pick<RuntimeDevice, "provider">;
  /** Threads one operator may use. Default: the CPUs this process may use. */
  readonly threads?: number | undefined;
  /**
   * Run ONNX Runtime in the calling thread. A run then blocks the event loop, but tensors are not copied between threads.
   * Default false: a worker thread owns ONNX Runtime and every device tensor.
   */
  readonly inThread?: boolean | undefined;
}

/**
 * Opens ONNX Runtime with execution providers.
 *
 * Runs, reads and writes are executed in the order they were requested, over all sessions. Host tensors are
 * copied when a method is called, so the caller may reuse their memory at once. After a failed run the tensors
 * named in `into` hold unspecified values. Device tensors are host memory for every provider, because onnxruntime-node has no IO
 * binding; a device with its own memory receives a copy in each run.
 * Keep sessions: ONNX Runtime does not free all the memory of a released one.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, USAGE if `threads` is not a positive integer.
 */
export async function openOrtRuntime(options: OrtRuntimeOptions): Promise<Runtime> {
  const { name, providers, settings = {}, threads = availableParallelism(), inThread = false } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new SlmError("USAGE", `${name}: threads must be a positive integer, got ${String(threads)}`);
  }
  const channel = inThread ? new DirectChannel(new OrtHost()) : openWorkerChannel();
  let int8: Int8Arithmetic | undefined;
  try {
    await channel.call("open", { name, threads, providers, settings });
    if (providers[0]?.name === "cpu") int8 = await measureInt8(channel);
  } catch (error) {
    await channel.close();
    throw error;
  }
  const description = `${cpus()[0]?.model.trim() ?? "unknown CPU"}${inThread ? ", in the calling thread" : ""}`;
  return new OrtRuntime(name, channel, {
    threads,
    description,
    simulated: false,
    fallbacks: [],
    int8,
    ...options.device,
  });
}

/** Posting an array to a worker sends its whole buffer, so bytes inside a larger buffer are copied first. */
function ownedSource(source: GraphSource): GraphSource {
  if (source.kind === "file" || source.bytes.byteLength === source.bytes.buffer.byteLength) return source;
  return { kind: "bytes", bytes: source.bytes.slice() };
}

class OrtRuntime implements Runtime {
  readonly device: RuntimeDevice;
  readonly #name: string;
  readonly #channel: HostChannel;
  #closed: Promise<void> | undefined;

  constructor(name: string, channel: HostChannel, device: RuntimeDevice) {
    this.#name = name;
    this.#channel = channel;
    this.device = device;
  }

  async load(source: GraphSource, options: LoadOptions = {}): Promise<Session> {
    const {
      name = source.kind === "file" ? source.path : "graph",
      optimization = "all",
      planMemory = true,
    } = options;
    const session = nextTensorId();
    const signature = await this.#open().call("load", {
      session,
      name,
      source: ownedSource(source),
      optimization,
      planMemory,
      settings: this.device.int8?.saturates === true ? EXACT_INT8 : undefined,
    });
    return new OrtSession(() => this.#open(), session, checkedGraph(this.#name, name, signature));
  }

  async upload(tensor: HostTensor): Promise<DeviceTensor> {
    const { dtype, shape, data } = createHostTensor(tensor.dtype, tensor.shape, tensor.data);
    const id = nextTensorId();
    const channel = this.#open();
    await channel.call("upload", { id, tensor: channel.handOver({ dtype, shape, data }) });
    return { id, dtype, shape: [...shape] };
  }

  async download(tensor: DeviceTensor): Promise<HostTensor> {
    return this.#open().call("download", { id: tensor.id });
  }

  async write(target: DeviceTensor, source: HostTensor): Promise<void> {
    const tensor = createHostTensor(source.dtype, source.shape, source.data);
    checkWrite(this.#name, target, tensor);
    const channel = this.#open();
    await channel.call("write", { id: target.id, tensor: channel.handOver(tensor) });
  }

  async permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    checkRows(this.#name, target, rows);
    await this.#open().call("permuteRows", { id: target.id, rows });
  }

  async release(tensors: readonly DeviceTensor[]): Promise<void> {
    await this.#open().call("release", { ids: tensors.map(({ id }) => id) });
  }

  async peakMemoryBytes(): Promise<number> {
    return this.#open().call("peakMemory", null);
  }

  /** Ends the worker after the calls already made; later calls are rejected. A second call has no effect. */
  close(): Promise<void> {
    this.#closed ??= this.#channel.close();
    return this.#closed;
  }

  #open(): HostChannel {
    if (this.#closed !== undefined)
      throw new SlmError("UNEXPECTED", `${this.#name}: the runtime has been closed`);
    return this.#channel;
  }
}

class OrtSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #channel: () => HostChannel;
  readonly #id: number;
  readonly #graph: CheckedGraph;

  constructor(channel: () => HostChannel, id: number, graph: CheckedGraph) {
    this.#channel = channel;
    this.#id = id;
    this.#graph = graph;
    this.inputNames = [...graph.inputs.keys()];
    this.outputNames = [...graph.outputs.keys()];
  }

  async run(request: RunRequest): Promise<RunResult> {
    const channel = this.#channel();
    const positional = encodeRun(this.#graph, request, this.#encoding(channel));
    const reply = await channel.call("run", positional);
    const fetched = Object.fromEntries((request.fetch ?? []).map((name, at) => [name, reply.fetched[at]!]));
    const kept = Object.fromEntries(
      (request.keep ?? []).map((name, at) => [name, { id: positional.keepIds[at]!, ...reply.kept[at]! }]),
    );
    return { fetched, kept };
  }

  async *repeat(request: RepeatRequest): AsyncGenerator<RepeatedRun, undefined> {
    const { picks, fetch = [], signal } = request;
    const channel = this.#channel();
    const encoded = encodeRepeat(this.#graph, request, this.#encoding(channel));
    const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const halt = (): void => {
      Atomics.store(stop, 0, 1);
    };
    if (signal?.aborted === true) return;
    signal?.addEventListener("abort", halt, { once: true });
    const arrivals = new Arrivals<RepeatedResult>();
    const over = channel
      .repeat({ ...encoded, stop }, (results) => {
        arrivals.push(results);
      })
      .then(
        () => {
          arrivals.end();
        },
        (error: unknown) => {
          arrivals.end({ error });
        },
      );
    try {
      for await (const { fetched, at } of arrivals)
        yield {
          fetched: Object.fromEntries([picks, ...fetch].map((name, place) => [name, fetched[place]!])),
          at: at - performance.timeOrigin,
        };
    } finally {
      halt();
      signal?.removeEventListener("abort", halt);
      await over;
    }
  }

  async release(): Promise<void> {
    await this.#channel().call("unload", { session: this.#id });
  }

  #encoding(channel: HostChannel): RunEncoding {
    const handOver = (tensor: HostTensor): HostTensor => channel.handOver(tensor);
    return { session: this.#id, handOver, nextId: nextTensorId };
  }
}
