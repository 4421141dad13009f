/** A `Runtime` over a channel to the thread or process that owns ONNX Runtime. */
import { SlmError } from "@slm/core";
import { checkRows, checkedGraph, checkRun, nextTensorId, type CheckedGraph } from "../check-run.js";
import { createHostTensor, type DType, type HostTensor } from "../tensors/host-tensor.js";
import type {
  CompiledForm,
  DeviceTensor,
  GraphSource,
  LoadOptions,
  RepeatRequest,
  RepeatedRun,
  RunRequest,
  RunResult,
  Runtime,
  RuntimeDevice,
  Session,
} from "../runtime.js";
import { AheadRuns, outputShapes } from "./ahead-runs.js";
import type { HostChannel, RepeatCall } from "./channel.js";
import type { PositionalResult, PositionalRun, RepeatedResult, SessionSettings } from "./protocol.js";

// Encodes a checked run for the thread that owns ONNX Runtime: tensors are ids or host tensors.

/** What the encoding needs in addition to the request. */
interface RunEncoding {
  readonly session: number;
  readonly handOver: (tensor: HostTensor) => HostTensor;
  readonly nextId: () => number;
}

/** @throws SlmError SHAPE_MISMATCH with the missing, unknown or mismatched input or output. */
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

/** @throws SlmError SHAPE_MISMATCH as {@link encodeRun} */
function encodeRepeat(graph: CheckedGraph, request: RepeatRequest, encoding: RunEncoding): RepeatCall {
  const { loop, options } = request;
  return { ...encodeRun(graph, request, encoding), loop, options };
}

/** Ids of the tensors that a run uses. */
const tensorsOf = ({ feeds, intoIds, append }: PositionalRun): readonly number[] => [
  ...feeds.filter((feed) => typeof feed === "number"),
  ...intoIds,
  ...append.ids,
];

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

/** Posting an array to a worker sends its whole buffer, so bytes inside a larger buffer are copied first. */
function ownedSource(source: GraphSource): GraphSource {
  if (source.kind === "file" || source.bytes.byteLength === source.bytes.buffer.byteLength) return source;
  return { kind: "bytes", bytes: source.bytes.slice() };
}

/** The settings of a {@link HostRuntime}, besides its channel. */
export interface HostRuntimeOptions {
  /** Package name for error messages. */
  readonly name: string;
  readonly device: RuntimeDevice;
  /** Session settings of every graph. The settings that the host was opened with take precedence. */
  readonly settings?: SessionSettings | undefined;
}

/**
 * Runs, reads and writes are executed in the order of the calls, across all sessions. Host tensors are copied when a method is called, so the caller
 * may reuse their memory at once. After a failed run, the contents of the tensors in `into` are unspecified. Keep sessions: ONNX Runtime does not
 * free all the memory of a released session.
 */
export class HostRuntime implements Runtime {
  readonly device: RuntimeDevice;
  readonly #name: string;
  readonly #settings: SessionSettings | undefined;
  readonly #channel: HostChannel;
  readonly #ahead = new AheadRuns();
  #closed: Promise<void> | undefined;

  /** @param channel already opened by its `open` call */
  constructor(channel: HostChannel, { name, device, settings }: HostRuntimeOptions) {
    this.#name = name;
    this.#settings = settings;
    this.#channel = channel;
    this.device = device;
  }

  async load(source: GraphSource, options: LoadOptions = {}): Promise<Session> {
    const {
      name = source.kind === "file" ? source.path : "graph",
      optimization = "all",
      planMemory = true,
      work,
    } = options;
    const session = nextTensorId();
    const signature = await this.#open().call("load", {
      session,
      name,
      source: ownedSource(source),
      optimization,
      planMemory,
      work,
      settings: this.#settings,
    });
    const graph = checkedGraph(this.#name, name, signature);
    return new HostSession(() => this.#open(), this.#ahead, { id: session, graph, ...signature });
  }

  async upload(tensor: HostTensor): Promise<DeviceTensor> {
    const { dtype, shape, data } = createHostTensor(tensor.dtype, tensor.shape, tensor.data);
    const id = nextTensorId();
    const channel = this.#open();
    await channel.call("upload", { id, tensor: channel.handOver({ dtype, shape, data }) });
    return { id, dtype, shape: [...shape] };
  }

  async download({ id }: DeviceTensor): Promise<HostTensor> {
    return this.#using(id, this.#open().call("download", { id }));
  }

  async permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    checkRows(this.#name, target, rows);
    await this.#using(target.id, this.#open().call("permuteRows", { id: target.id, rows }));
  }

  async release(tensors: readonly DeviceTensor[]): Promise<void> {
    const channel = this.#open();
    const all = tensors.map(({ id }) => id);
    // Returned at once if possible, because calls are executed in order.
    const ids = this.#ahead.areMade(all) ? all : await this.#ahead.made(all);
    if (ids.length > 0) await channel.call("release", { ids });
  }

  async peakMemoryBytes(): Promise<number> {
    return this.#open().call("peakMemory", null);
  }

  /** Ends the worker after the calls already made. Later calls are rejected. A second call has no effect. */
  close(): Promise<void> {
    this.#closed ??= this.#channel.close();
    return this.#closed;
  }

  /** @throws the cause of the failure: the error of the run that should have computed the tensor, if it was returned early */
  async #using<Reply>(tensor: number, call: Promise<Reply>): Promise<Reply> {
    try {
      return await call;
    } catch (error) {
      throw await this.#ahead.causeOf(error, [tensor]);
    }
  }

  #open(): HostChannel {
    if (this.#closed !== undefined)
      throw new SlmError("UNEXPECTED", `${this.#name}: the runtime has been closed`);
    return this.#channel;
  }
}

/** What a session knows about its graph. */
interface HostGraph {
  readonly id: number;
  readonly graph: CheckedGraph;
  readonly compiled?: CompiledForm | undefined;
}

class HostSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly compiled: CompiledForm | undefined;
  readonly #channel: () => HostChannel;
  readonly #ahead: AheadRuns;
  readonly #id: number;
  readonly #graph: CheckedGraph;

  constructor(channel: () => HostChannel, ahead: AheadRuns, { id, graph, compiled }: HostGraph) {
    this.compiled = compiled;
    this.#channel = channel;
    this.#ahead = ahead;
    this.#id = id;
    this.#graph = graph;
    this.inputNames = [...graph.inputs.keys()];
    this.outputNames = [...graph.outputs.keys()];
  }

  async run(request: RunRequest): Promise<RunResult> {
    const { fetch = [], keep = [], ahead = false } = request;
    const channel = this.#channel();
    const positional = encodeRun(this.#graph, request, this.#encoding(channel));
    const shapes = ahead && fetch.length === 0 ? outputShapes(this.#graph, request) : undefined;
    const reply = this.#reply(channel, positional);
    if (shapes !== undefined) {
      this.#ahead.add(positional.keepIds, reply);
      return { fetched: {}, kept: this.#keptAhead(positional, shapes) };
    }
    const done = await reply;
    return {
      fetched: Object.fromEntries(fetch.map((name, at) => [name, done.fetched[at]!])),
      kept: Object.fromEntries(
        keep.map((name, at) => [name, { id: positional.keepIds[at]!, ...done.kept[at]! }]),
      ),
    };
  }

  async #reply(channel: HostChannel, run: PositionalRun): Promise<PositionalResult> {
    try {
      return await channel.call("run", run);
    } catch (error) {
      throw await this.#ahead.causeOf(error, tensorsOf(run));
    }
  }

  #keptAhead({ keep, keepIds }: PositionalRun, shapes: readonly (readonly number[])[]): RunResult["kept"] {
    return Object.fromEntries(
      keep.map((position, at) => {
        const { name, dtype } = this.#graph.signature.outputs[position]!;
        return [name, { id: keepIds[at]!, dtype: dtype as DType, shape: shapes[at]! }];
      }),
    );
  }

  async *repeat(request: RepeatRequest): AsyncGenerator<RepeatedRun, undefined> {
    const { signal, fetch: outputs } = request;
    const channel = this.#channel();
    const encoded = encodeRepeat(this.#graph, request, this.#encoding(channel));
    if (signal?.aborted === true) return;
    const arrivals = new Arrivals<RepeatedResult>();
    const repetition = channel.repeat(encoded, (results) => {
      arrivals.push(results);
    });
    const halt = (): void => {
      repetition.stop();
    };
    signal?.addEventListener("abort", halt, { once: true });
    const over = repetition.over.then(
      () => {
        arrivals.end();
      },
      async (error: unknown) => {
        arrivals.end({ error: await this.#ahead.causeOf(error, tensorsOf(encoded)) });
      },
    );
    try {
      for await (const { fetched, at } of arrivals)
        yield {
          fetched: Object.fromEntries(outputs.map((name, place) => [name, fetched[place]!])),
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
