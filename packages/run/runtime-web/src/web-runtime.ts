/**
 * ONNX Runtime's WebAssembly build as a `Runtime`. It computes in the thread it is made in: make it in a worker.
 *
 * Device tensors are arrays of this thread. ONNX Runtime's WebAssembly build (1.30) leaves an output tensor that it is given
 * as it was, and reports no error; so a run that writes `into` a tensor computes a new one and takes its memory.
 */
import { SlmError } from "@slm/error";
import {
  DTYPES,
  createHostTensor,
  type DType,
  type DeviceTensor,
  type GraphSource,
  type HostTensor,
  type LoadOptions,
  type RunRequest,
  type RunResult,
  type Runtime,
  type RuntimeDevice,
  type Session,
} from "@slm/runtime";
import type * as Ort from "onnxruntime-web";

/** The part of onnxruntime-web that is used; its builds (wasm, webgpu) all have it. */
export type OrtModule = Pick<typeof Ort, "InferenceSession" | "Tensor">;

/** What computes. */
export const WEB_PROVIDERS = ["wasm", "webgpu"] as const;
export type WebProvider = (typeof WEB_PROVIDERS)[number];

export interface WebRuntimeOptions {
  readonly provider: WebProvider;
  readonly threads: number;
  /** Graph files and the weights beside them, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** ONNX Runtime's scale: 4 prints fatal messages only; errors arrive as exceptions. */
const LOG_FATAL_ONLY = 4;

export function createWebRuntime(ort: OrtModule, options: WebRuntimeOptions): Runtime {
  return new WebRuntime(ort, options);
}

class WebRuntime implements Runtime {
  readonly device: RuntimeDevice;
  readonly #ort: OrtModule;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #tensors = new Map<number, HostTensor>();
  #lastId = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(ort: OrtModule, { provider, threads, files }: WebRuntimeOptions) {
    this.#ort = ort;
    this.#files = files;
    this.device = { provider, threads, description: "browser", simulated: false };
  }

  async load(source: GraphSource, { name = "graph" }: LoadOptions = {}): Promise<Session> {
    const { bytes, externalData } =
      source.kind === "bytes" ? { ...source, externalData: [] } : this.#file(source.path);
    let session: Ort.InferenceSession;
    try {
      session = await this.#ort.InferenceSession.create(bytes, {
        // What a GPU has no operator for, WebAssembly computes.
        executionProviders: this.device.provider === "wasm" ? ["wasm"] : [this.device.provider, "wasm"],
        externalData,
        logSeverityLevel: LOG_FATAL_ONLY,
      });
    } catch (cause) {
      throw new SlmError("DATA_INVALID", `runtime-web: cannot load graph '${name}': ${messageOf(cause)}`, {
        cause,
      });
    }
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (request) => this.#serially(() => this.#run(name, session, request)),
      release: () => this.#serially(() => session.release()),
    };
  }

  upload({ dtype, shape, data }: HostTensor): Promise<DeviceTensor> {
    return Promise.resolve(this.#keep(createHostTensor(dtype, shape, data.slice())));
  }

  download(tensor: DeviceTensor): Promise<HostTensor> {
    return this.#serially(() => {
      const { dtype, shape, data } = this.#tensor(tensor.id);
      return Promise.resolve(createHostTensor(dtype, shape, data.slice()));
    });
  }

  write(target: DeviceTensor, { dtype, shape, data }: HostTensor): Promise<void> {
    const copy = createHostTensor(dtype, shape, data.slice());
    return this.#serially(() => this.#replace(target, copy));
  }

  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    return this.#serially(() => {
      const { dtype, shape, data } = this.#tensor(target.id);
      const count = shape[0] ?? 0;
      if (rows.length !== count || !rows.every((row) => Number.isInteger(row) && row >= 0 && row < count)) {
        throw new SlmError(
          "SHAPE_MISMATCH",
          `runtime-web: permuteRows needs ${count} row numbers, got [${rows.join(",")}]`,
        );
      }
      const width = data.length / count;
      const moved = createHostTensor(dtype, shape);
      const [to, from] = [bytesOf(moved), bytesOf(createHostTensor(dtype, shape, data))];
      const rowBytes = width * data.BYTES_PER_ELEMENT;
      rows.forEach((row, at) => {
        to.set(from.subarray(row * rowBytes, (row + 1) * rowBytes), at * rowBytes);
      });
      return this.#replace(target, moved);
    });
  }

  release(tensors: readonly DeviceTensor[]): Promise<void> {
    return this.#serially(() => {
      for (const { id } of tensors) {
        this.#tensor(id);
        this.#tensors.delete(id);
      }
      return Promise.resolve();
    });
  }

  /** A browser does not tell. @throws SlmError DEVICE_UNAVAILABLE */
  peakMemoryBytes(): Promise<number> {
    return Promise.reject(
      new SlmError("DEVICE_UNAVAILABLE", "runtime-web: a browser does not tell peak memory"),
    );
  }

  close(): Promise<void> {
    this.#tensors.clear();
    return Promise.resolve();
  }

  async #run(name: string, session: Ort.InferenceSession, request: RunRequest): Promise<RunResult> {
    const { fetch = [], keep = [], into = {} } = request;
    const feeds = Object.fromEntries(
      Object.entries(request.feeds).map(([input, value]) => {
        const { dtype, shape, data } = "data" in value ? value : this.#tensor(value.id);
        if (dtype === "bfloat16")
          throw new SlmError(
            "OP_UNSUPPORTED",
            "runtime-web: ONNX Runtime takes no bfloat16 tensors from JavaScript",
            {
              context: { graph: name, input },
            },
          );
        return [input, new this.#ort.Tensor(dtype, data, [...shape])] as const;
      }),
    );
    let results: Ort.InferenceSession.OnnxValueMapType;
    try {
      results = await session.run(feeds, [...new Set([...fetch, ...keep, ...Object.keys(into)])]);
    } catch (cause) {
      throw new SlmError("SHAPE_MISMATCH", `runtime-web: graph '${name}' failed: ${messageOf(cause)}`, {
        cause,
      });
    }
    const value = (output: string): HostTensor => hostTensor(output, results[output]);
    for (const [output, target] of Object.entries(into)) await this.#replace(target, value(output));
    return {
      fetched: Object.fromEntries(fetch.map((output) => [output, value(output)])),
      kept: Object.fromEntries(keep.map((output) => [output, this.#keep(value(output))])),
    };
  }

  #file(path: string): {
    readonly bytes: Uint8Array;
    readonly externalData: { path: string; data: Uint8Array }[];
  } {
    const bytes = this.#files.get(path);
    if (bytes === undefined) throw new SlmError("INPUT_MISSING", `runtime-web: no such graph file: ${path}`);
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const externalData = [...this.#files]
      .filter(([other]) => other !== path && (other.startsWith(`${path}.`) || other.startsWith(`${path}_`)))
      .map(([other, data]) => ({ path: other.slice(folder.length), data }));
    return { bytes, externalData };
  }

  #keep(tensor: HostTensor): DeviceTensor {
    const id = ++this.#lastId;
    this.#tensors.set(id, tensor);
    return { id, dtype: tensor.dtype, shape: [...tensor.shape] };
  }

  #tensor(id: number): HostTensor {
    const tensor = this.#tensors.get(id);
    if (tensor === undefined)
      throw new SlmError("UNEXPECTED", `runtime-web: device tensor ${id} has been released`);
    return tensor;
  }

  #replace(target: DeviceTensor, tensor: HostTensor): Promise<void> {
    if (tensor.dtype !== target.dtype || tensor.shape.join() !== target.shape.join()) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `runtime-web: ${target.dtype}[${target.shape.join(",")}] cannot take ${tensor.dtype}[${tensor.shape.join(",")}]`,
      );
    }
    this.#tensor(target.id);
    this.#tensors.set(target.id, tensor);
    return Promise.resolve();
  }

  /** Calls are carried out in the order they were made. */
  #serially<Result>(call: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(call);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

function hostTensor(name: string, tensor: Ort.OnnxValue | undefined): HostTensor {
  if (tensor === undefined || !isDType(tensor.type) || !ArrayBuffer.isView(tensor.data)) {
    throw new SlmError("OP_UNSUPPORTED", `runtime-web: output '${name}' is no tensor that can leave a graph`);
  }
  const { buffer, byteOffset } = tensor.data;
  return {
    dtype: tensor.type,
    shape: tensor.dims,
    data: new DTYPES[tensor.type](buffer as ArrayBuffer, byteOffset, tensor.size),
  };
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
