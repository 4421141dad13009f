/** Owns ONNX Runtime's sessions and the device tensors; on a CPU the "device" is this thread's memory. */
import { existsSync } from "node:fs";
import { SlmError } from "@slm/error";
import {
  type DType,
  type GraphSignature,
  type HostTensor,
  type ValueSignature,
  appendPositions,
  createHostTensor,
  DTYPES,
  permuteRowsInPlace,
  unknownTensor,
} from "@slm/runtime";
import type * as Ort from "onnxruntime-node";
import { type OrtEngine, loadEngine, messageOf } from "./ort-engine.js";
import type {
  HostHandlers,
  PositionalResult,
  PositionalRun,
  Provider,
  ReplyOf,
  RequestOf,
  SessionSettings,
} from "./protocol.js";

interface LoadedGraph {
  readonly name: string;
  readonly session: Ort.InferenceSession;
}

/** ONNX Runtime's scale: 4 prints fatal messages only. Errors arrive as exceptions; printing them too says them twice. */
const LOG_FATAL_ONLY = 4;

/** The handlers of every call. Calls must not overlap; the channels see to that. */
export class OrtHost implements HostHandlers {
  readonly #loadEngine: () => Promise<OrtEngine>;
  #engine: OrtEngine | undefined;
  #name = "runtime-cpu";
  #threads = 1;
  #providers: readonly Provider[] = [];
  #settings: SessionSettings = {};
  readonly #graphs = new Map<number, LoadedGraph>();
  readonly #tensors = new Map<number, Ort.Tensor>();

  constructor(engineLoader: () => Promise<OrtEngine> = loadEngine) {
    this.#loadEngine = engineLoader;
  }

  async open({ name, threads, providers, settings }: RequestOf<"open">): Promise<null> {
    this.#name = name;
    this.#threads = threads;
    this.#providers = providers;
    this.#settings = settings;
    this.#engine = await this.#loadEngine();
    return null;
  }

  async load({
    session: id,
    name,
    source,
    optimization,
    planMemory,
  }: RequestOf<"load">): Promise<GraphSignature> {
    const { InferenceSession } = this.#opened();
    if (source.kind === "file" && !existsSync(source.path)) {
      throw new SlmError("INPUT_MISSING", `${this.#name}: no such graph file: ${source.path}`);
    }
    const options: Ort.InferenceSession.SessionOptions = {
      executionProviders: [...this.#providers],
      extra: { ...this.#settings },
      executionMode: "sequential",
      interOpNumThreads: 1,
      intraOpNumThreads: this.#threads,
      graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
      enableMemPattern: planMemory,
      logSeverityLevel: LOG_FATAL_ONLY,
    };
    try {
      const session = await (source.kind === "file"
        ? InferenceSession.create(source.path, options)
        : InferenceSession.create(source.bytes, options));
      this.#graphs.set(id, { name, session });
      return {
        inputs: session.inputMetadata.map(toSignature),
        outputs: session.outputMetadata.map(toSignature),
      };
    } catch (cause) {
      throw new SlmError("DATA_INVALID", `${this.#name}: cannot load graph '${name}': ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  async unload({ session }: RequestOf<"unload">): Promise<null> {
    const graph = this.#graph(session);
    this.#graphs.delete(session);
    await graph.session.release();
    return null;
  }

  async run(request: PositionalRun): Promise<PositionalResult> {
    const { name, session } = this.#graph(request.session);
    const feeds: Record<string, Ort.Tensor> = {};
    request.feeds.forEach((feed, input) => {
      feeds[session.inputNames[input]!] =
        typeof feed === "number" ? this.#tensor(feed) : this.#toEngine(feed);
    });
    const fetches: Record<string, Ort.Tensor | null> = {};
    const outputName = (position: number): string => session.outputNames[position]!;
    for (const position of request.fetch) fetches[outputName(position)] = null;
    for (const position of request.keep) fetches[outputName(position)] = null;
    request.into.forEach((position, at) => {
      fetches[outputName(position)] = this.#tensor(request.intoIds[at]!);
    });

    for (const position of request.append.outputs) fetches[outputName(position)] = null;

    const results = await runSession({ runtime: this.#name, graph: name }, session, feeds, fetches);
    const { at, outputs, ids } = request.append;
    outputs.forEach((position, index) => {
      const fresh = toHost(outputName(position), results[outputName(position)]!);
      appendPositions(this.#name, toHost("a cache", this.#tensor(ids[index]!)), fresh, at);
    });
    const shared = new Set([...request.keep, ...request.into]);
    const fetched = request.fetch.map((position) => {
      const tensor = toHost(outputName(position), results[outputName(position)]!);
      return shared.has(position) ? { ...tensor, data: tensor.data.slice() } : tensor;
    });
    const kept = request.keep.map((position, at) => {
      const result = results[outputName(position)]!;
      const { dtype, shape } = toHost(outputName(position), result);
      this.#tensors.set(request.keepIds[at]!, result);
      return { dtype, shape };
    });
    return { fetched, kept };
  }

  upload({ id, tensor }: RequestOf<"upload">): null {
    this.#tensors.set(id, this.#toEngine(tensor));
    return null;
  }

  download({ id }: RequestOf<"download">): HostTensor {
    const tensor = toHost(`device tensor ${String(id)}`, this.#tensor(id));
    return { ...tensor, data: tensor.data.slice() };
  }

  write({ id, tensor }: RequestOf<"write">): null {
    bytesOf(this.#tensor(id)).set(
      new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
    );
    return null;
  }

  permuteRows({ id, rows }: RequestOf<"permuteRows">): null {
    permuteRowsInPlace(bytesOf(this.#tensor(id)), rows);
    return null;
  }

  release({ ids }: RequestOf<"release">): null {
    for (const id of ids) {
      this.#tensor(id);
      this.#tensors.delete(id);
    }
    return null;
  }

  peakMemory(): ReplyOf<"peakMemory"> {
    // libuv reports kibibytes on every platform.
    return process.resourceUsage().maxRSS * 1024;
  }

  #opened(): OrtEngine {
    if (this.#engine === undefined)
      throw new SlmError("UNEXPECTED", `${this.#name}: called before it was opened`);
    return this.#engine;
  }

  #graph(session: number): LoadedGraph {
    const graph = this.#graphs.get(session);
    if (graph === undefined)
      throw new SlmError("UNEXPECTED", `${this.#name}: this session has been released`);
    return graph;
  }

  #tensor(id: number): Ort.Tensor {
    const tensor = this.#tensors.get(id);
    if (tensor === undefined) throw unknownTensor(this.#name, id);
    return tensor;
  }

  #toEngine(tensor: HostTensor): Ort.Tensor {
    const { dtype, shape, data } = createHostTensor(tensor.dtype, tensor.shape, tensor.data);
    if (dtype === "bfloat16")
      throw new SlmError(
        "OP_UNSUPPORTED",
        `${this.#name}: ONNX Runtime takes no bfloat16 tensors from JavaScript`,
      );
    return new (this.#opened().Tensor)(dtype, data, [...shape]);
  }
}

/**
 * Names, types and declared sizes were checked before; what ONNX Runtime still refuses are sizes that do not
 * fit one another, an output buffer of the wrong shape, or an index out of range.
 */
async function runSession(
  { runtime, graph }: { readonly runtime: string; readonly graph: string },
  session: Ort.InferenceSession,
  feeds: Record<string, Ort.Tensor>,
  fetches: Record<string, Ort.Tensor | null>,
): Promise<Ort.InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(feeds, fetches);
  } catch (cause) {
    const shapes = Object.entries(feeds).map(
      ([input, { type, dims }]) => `${input} ${type}[${dims.join(",")}]`,
    );
    throw new SlmError("SHAPE_MISMATCH", `${runtime}: graph '${graph}' failed: ${messageOf(cause)}`, {
      cause,
      context: { graph, feeds: shapes },
    });
  }
}

function toSignature(value: Ort.InferenceSession.ValueMetadata): ValueSignature {
  return value.isTensor
    ? { name: value.name, dtype: value.type, shape: value.shape }
    : { name: value.name, dtype: "non-tensor", shape: [] };
}

function isDType(type: string): type is DType {
  return Object.hasOwn(DTYPES, type);
}

/** The tensor's memory as bytes, not a copy. */
function bytesOf(tensor: Ort.Tensor): Uint8Array<ArrayBuffer> {
  const { data, type } = tensor;
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) {
    throw new SlmError("OP_UNSUPPORTED", `runtime-cpu: a tensor of ${type} has no memory of its own`);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A tensor of ONNX Runtime as a host tensor over the same memory. */
function toHost(name: string, tensor: Ort.Tensor): HostTensor {
  const { type, dims, size } = tensor;
  if (!isDType(type)) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `runtime-cpu: '${name}' is ${type}; tensors that leave a graph are one of ${Object.keys(DTYPES).join(", ")}`,
    );
  }
  // A new view, because where JavaScript has Float16Array, ONNX Runtime returns one; here float16 is raw bits.
  const { buffer, byteOffset } = bytesOf(tensor);
  return { dtype: type, shape: dims, data: new DTYPES[type](buffer, byteOffset, size) };
}
