/**
 * ONNX Runtime's WebAssembly build as a `Runtime`. It computes in the thread that creates it, so create it in a worker.
 *
 * Device tensors are arrays of this thread. ONNX Runtime's WebAssembly build (1.30) ignores a preallocated output tensor without
 * an error. A run that writes `into` a tensor therefore computes a new tensor and takes over its memory.
 */
import { SlmError } from "@slm/core";
import { rejectUnsupported } from "@slm/analysis";
import { DEVICES } from "@slm/devices";
import { decodeOutline } from "@slm/onnx";
import {
  DTYPES,
  appendPositions,
  checkRows,
  checkRun,
  checkWrite,
  checkedGraph,
  createHostTensor,
  nextTensorId,
  permuteRowsInPlace,
  repeatRuns,
  unknownTensor,
  type CheckedGraph,
  type DType,
  type DeviceTensor,
  type GraphSource,
  type HostTensor,
  type LoadOptions,
  type RepeatRequest,
  type RepeatedRun,
  type RunRequest,
  type RunResult,
  type Runtime,
  type RuntimeDevice,
  type Session,
  type ValueSignature,
} from "@slm/runtime";
import type * as Ort from "onnxruntime-web";
import { describeWebAdapter, type WebAdapter } from "./web-adapter.js";

/** The part of onnxruntime-web that is used. All of its builds (wasm, webgpu) have it. */
export type OrtModule = Pick<typeof Ort, "InferenceSession" | "Tensor">;

const { rest: CPU } = DEVICES.web.webgpu;

/** Execution provider: WebAssembly works everywhere, WebGPU if the browser has an adapter. */
export type WebProvider = typeof CPU | typeof DEVICES.web.webgpu.provider.name;

export interface WebRuntimeOptions {
  readonly provider: WebProvider;
  readonly threads: number;
  /** Graph files and their external data, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The adapter of WebGPU ({@link findWebAdapter}). If it is software, the runtime's `device` is `simulated`. */
  readonly adapter?: WebAdapter | undefined;
}

/** Package name for error messages. */
const NAME = "runtime-web";

/** ONNX Runtime's log level: 4 prints fatal messages only; errors arrive as exceptions. */
const LOG_FATAL_ONLY = 4;

export function createWebRuntime(ort: OrtModule, options: WebRuntimeOptions): Runtime {
  return new WebRuntime(ort, options);
}

class WebRuntime implements Runtime {
  readonly device: RuntimeDevice;
  readonly #ort: OrtModule;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #adapter: WebAdapter | undefined;
  readonly #tensors = new Map<number, HostTensor>();
  #isClosed = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(ort: OrtModule, { provider, threads, files, adapter }: WebRuntimeOptions) {
    this.#ort = ort;
    this.#files = files;
    this.#adapter = adapter;
    const description = adapter === undefined ? "browser" : `browser, ${describeWebAdapter(adapter)}`;
    const simulated = adapter?.isSoftware === true;
    this.device = { provider, threads, description, simulated, fallbacks: [] };
  }

  async load(source: GraphSource, { name = "graph" }: LoadOptions = {}): Promise<Session> {
    const { bytes, externalData } =
      source.kind === "bytes" ? { ...source, externalData: [] } : this.#file(source);
    if (this.device.provider !== CPU)
      await rejectUnsupported(decodeOutline(bytes), DEVICES.web.webgpu, {
        name,
        target: "web",
        profile: "webgpu",
        adapter: this.device.description,
        hasFloat16: () => Promise.resolve(this.#adapter?.hasFloat16 === true),
      });
    let session: Ort.InferenceSession;
    try {
      session = await this.#ort.InferenceSession.create(bytes, {
        // WebAssembly computes the operators that WebGPU lacks.
        executionProviders: this.device.provider === CPU ? [CPU] : [this.device.provider, CPU],
        externalData,
        logSeverityLevel: LOG_FATAL_ONLY,
      });
    } catch (cause) {
      throw new SlmError("DATA_INVALID", `${NAME}: cannot load graph '${name}': ${messageOf(cause)}`, {
        cause,
      });
    }
    const graph = checkedGraph(NAME, name, {
      inputs: session.inputMetadata.map(toSignature),
      outputs: session.outputMetadata.map(toSignature),
    });
    return new WebSession(graph, session, {
      serially: (call) => this.#serially(call),
      begin: (request) => this.#run(graph, session, request),
    });
  }

  async upload({ dtype, shape, data }: HostTensor): Promise<DeviceTensor> {
    const tensor = createHostTensor(dtype, [...shape], data.slice());
    return this.#serially(() => this.#keep(tensor));
  }

  async download(tensor: DeviceTensor): Promise<HostTensor> {
    return this.#serially(() => {
      const { dtype, shape, data } = this.#tensor(tensor.id);
      return createHostTensor(dtype, shape, data.slice());
    });
  }

  async permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    checkRows(NAME, target, rows);
    return this.#serially(() => {
      permuteRowsInPlace(bytesOf(this.#tensor(target.id)), rows);
    });
  }

  async release(tensors: readonly DeviceTensor[]): Promise<void> {
    return this.#serially(() => {
      for (const { id } of tensors) {
        this.#tensor(id);
        this.#tensors.delete(id);
      }
    });
  }

  /** Browsers do not report it. @throws SlmError DEVICE_UNAVAILABLE */
  peakMemoryBytes(): Promise<number> {
    return Promise.reject(new SlmError("DEVICE_UNAVAILABLE", `${NAME}: browsers do not report peak memory`));
  }

  /** Closes after the calls already made. Later calls are rejected. A second call has no effect. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
    this.#tensors.clear();
  }

  /** Checks and copies the request at once. @returns the run itself, to be queued */
  #run(graph: CheckedGraph, session: Ort.InferenceSession, request: RunRequest): () => Promise<RunResult> {
    const { feeds, into, append } = checkRun(graph, request);
    const own = feeds.map((value) =>
      "id" in value ? value : createHostTensor(value.dtype, [...value.shape], value.data.slice()),
    );
    const { fetch = [], keep = [] } = request;
    const written = [...into, ...append.outputs].map((position) => graph.signature.outputs[position]!.name);
    return async () => {
      const tensors = Object.fromEntries(
        own.map((value, at) => {
          const input = graph.signature.inputs[at]!.name;
          const { dtype, shape, data } = "data" in value ? value : this.#tensor(value.id);
          if (dtype === "bfloat16")
            throw new SlmError(
              "OP_UNSUPPORTED",
              `${NAME}: ONNX Runtime does not accept bfloat16 tensors from JavaScript`,
              { context: { graph: graph.name, input } },
            );
          return [input, new this.#ort.Tensor(dtype, data, [...shape])] as const;
        }),
      );
      const appended = Object.entries(request.append?.outputs ?? {});
      for (const target of [...Object.values(request.into ?? {}), ...appended.map(([, cache]) => cache)])
        this.#tensor(target.id);
      let results: Ort.InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(tensors, [...new Set([...fetch, ...keep, ...written])]);
      } catch (cause) {
        throw new SlmError("SHAPE_MISMATCH", `${NAME}: graph '${graph.name}' failed: ${messageOf(cause)}`, {
          cause,
        });
      }
      const value = (output: string): HostTensor => hostTensor(output, results[output]);
      for (const [output, target] of Object.entries(request.into ?? {})) {
        const made = value(output);
        checkWrite(NAME, target, made);
        this.#replace(target, made);
      }
      for (const [output, { id }] of appended)
        appendPositions(NAME, this.#tensor(id), value(output), append.at);
      const shared = new Set([...keep, ...written]);
      return {
        fetched: Object.fromEntries(
          fetch.map((output) => {
            const tensor = value(output);
            return [output, shared.has(output) ? { ...tensor, data: tensor.data.slice() } : tensor];
          }),
        ),
        kept: Object.fromEntries(keep.map((output) => [output, this.#keep(value(output))])),
      };
    };
  }

  #file({ path, added, edited }: Extract<GraphSource, { kind: "file" }>): {
    readonly bytes: Uint8Array;
    readonly externalData: { path: string; data: Uint8Array }[];
  } {
    const file = this.#files.get(path);
    if (file === undefined) throw new SlmError("INPUT_MISSING", `${NAME}: no such graph file: ${path}`);
    const bytes = edited ?? (added === undefined ? file : joined(file, added));
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const externalData = [...this.#files]
      .filter(([other]) => other !== path && (other.startsWith(`${path}.`) || other.startsWith(`${path}_`)))
      .map(([other, data]) => ({ path: other.slice(folder.length), data }));
    return { bytes, externalData };
  }

  #keep(tensor: HostTensor): DeviceTensor {
    const id = nextTensorId();
    this.#tensors.set(id, tensor);
    return { id, dtype: tensor.dtype, shape: [...tensor.shape] };
  }

  #tensor(id: number): HostTensor {
    const tensor = this.#tensors.get(id);
    if (tensor === undefined) throw unknownTensor(NAME, id);
    return tensor;
  }

  #replace(target: DeviceTensor, tensor: HostTensor): void {
    this.#tensor(target.id);
    this.#tensors.set(target.id, tensor);
  }

  /** Executes calls in the order they were made. */
  #serially<Result>(call: () => Result | Promise<Result>): Promise<Result> {
    if (this.#isClosed)
      return Promise.reject(new SlmError("UNEXPECTED", `${NAME}: the runtime has been closed`));
    const done = this.#queue.then(call);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** The parts of its runtime that a session needs. */
interface SessionTurn {
  readonly serially: <Result>(call: () => Result | Promise<Result>) => Promise<Result>;
  /** Checks and copies a request at once; returns the run itself, to be queued. */
  readonly begin: (request: RunRequest) => () => Promise<RunResult>;
}

class WebSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: Ort.InferenceSession;
  readonly #turn: SessionTurn;
  #isReleased = false;

  constructor(graph: CheckedGraph, session: Ort.InferenceSession, turn: SessionTurn) {
    this.inputNames = [...graph.inputs.keys()];
    this.outputNames = [...graph.outputs.keys()];
    this.#session = session;
    this.#turn = turn;
  }

  async run(request: RunRequest): Promise<RunResult> {
    const run = this.#turn.begin(request);
    return this.#turn.serially(() => {
      if (this.#isReleased) throw new SlmError("UNEXPECTED", `${NAME}: this session has been released`);
      return run();
    });
  }

  repeat(request: RepeatRequest): AsyncIterable<RepeatedRun> {
    return repeatRuns(this, request);
  }

  async release(): Promise<void> {
    return this.#turn.serially(() => {
      this.#isReleased = true;
      return this.#session.release();
    });
  }
}

function toSignature(value: Ort.InferenceSession.ValueMetadata): ValueSignature {
  return value.isTensor
    ? { name: value.name, dtype: value.type, shape: value.shape }
    : { name: value.name, dtype: "non-tensor", shape: [] };
}

function hostTensor(name: string, tensor: Ort.OnnxValue | undefined): HostTensor {
  if (tensor === undefined || !isDType(tensor.type) || !ArrayBuffer.isView(tensor.data)) {
    throw new SlmError("OP_UNSUPPORTED", `${NAME}: output '${name}' is not a supported tensor`);
  }
  const { buffer, byteOffset } = tensor.data;
  return {
    dtype: tensor.type,
    shape: tensor.dims,
    data: new DTYPES[tensor.type](buffer as ArrayBuffer, byteOffset, tensor.size),
  };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function isDType(type: string): type is DType {
  return Object.hasOwn(DTYPES, type);
}

function bytesOf({ data }: HostTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
