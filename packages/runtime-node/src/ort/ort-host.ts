/** Owns ONNX Runtime's sessions and the device tensors. On a CPU, the "device" is this thread's memory. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { SlmError } from "@slm/core";
import type { ProviderSettings } from "@slm/devices";
import {
  type GraphSignature,
  type GraphSource,
  type HostTensor,
  createHostTensor,
  permuteRowsInPlace,
  unknownTensor,
} from "@slm/runtime";
import type * as Ort from "onnxruntime-node";
import { type OrtBinding, loadBinding, messageOf } from "./ort-binding.js";
import { bytesOf, toHost, toSignature } from "./ort-values.js";
import { pathAdvice } from "./path-advice.js";
import { type LoadedGraph, PreparedRun } from "./prepared-run.js";
import { changedBytes, isLeftToCpu, runLoop, WEIGHTS_FOLDER } from "@slm/runtime/host";
import type {
  Host,
  PositionalRepeat,
  PositionalResult,
  PositionalRun,
  RepeatedResult,
  ReplyOf,
  RequestOf,
  SessionSettings,
} from "@slm/runtime/host";

/** ONNX Runtime's log level: 4 prints fatal messages only. Errors arrive as exceptions and need not be printed too. */
const LOG_FATAL_ONLY = 4;

/**
 * The default of every session. Each session has its own threads, which stop spinning when its run ends. Otherwise they take CPU
 * time from the next session: from the decoder's first step after the encoder's run, or from the next program of training
 * (docs/benchmarks/training.md, "Intra-op threads"). Source: onnxruntime_session_options_config_keys.h.
 */
const SESSION_SETTINGS: SessionSettings = { "session.force_spinning_stop": "1" };

/**
 * The work that one thread does in one or two milliseconds [FLOP]. Waking a second thread takes as long, and up to 4 ms on two cores if the scheduler
 * queues it after the first thread, which waits for it (docs/benchmarks/inference.md, "Threads of small models").
 */
const LITTLE_WORK = 2e8;

/** The handlers of every call. Calls must not overlap; the channels ensure this. */
export class OrtHost implements Host {
  readonly #loadBinding: () => Promise<OrtBinding>;
  #binding: OrtBinding | undefined;
  #name = "runtime-node";
  #threads = 1;
  #sparesThreads = false;
  #providers: readonly ProviderSettings[] = [];
  #settings: SessionSettings = {};
  readonly #graphs = new Map<number, LoadedGraph>();
  readonly #tensors = new Map<number, Ort.Tensor>();

  constructor(bindingLoader: () => Promise<OrtBinding> = loadBinding) {
    this.#loadBinding = bindingLoader;
  }

  async open({
    name,
    threads,
    sparesThreads = false,
    providers,
    settings,
  }: RequestOf<"open">): Promise<null> {
    this.#name = name;
    this.#threads = threads;
    this.#sparesThreads = sparesThreads;
    this.#providers = providers;
    this.#settings = settings;
    this.#binding = await this.#loadBinding();
    return null;
  }

  async load({
    session: id,
    name,
    source,
    optimization,
    planMemory,
    work = Infinity,
    settings,
  }: RequestOf<"load">): Promise<GraphSignature> {
    const { InferenceSession } = this.#opened();
    if (source.kind === "file" && !existsSync(source.path)) {
      throw new SlmError("INPUT_MISSING", `${this.#name}: no such graph file: ${source.path}`);
    }
    const options: Ort.InferenceSession.SessionOptions = {
      executionProviders: [...this.#providers],
      extra: { ...SESSION_SETTINGS, ...settings, ...this.#settings },
      executionMode: "sequential",
      interOpNumThreads: 1,
      intraOpNumThreads: this.#sparesThreads && work <= LITTLE_WORK ? 1 : this.#threads,
      graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
      enableMemPattern: planMemory,
      logSeverityLevel: LOG_FATAL_ONLY,
    };
    try {
      const session = await open(InferenceSession, source, options);
      this.#graphs.set(id, { name, session });
      return {
        inputs: session.inputMetadata.map(toSignature),
        outputs: session.outputMetadata.map(toSignature),
      };
    } catch (cause) {
      const message = messageOf(cause);
      if (isLeftToCpu(message))
        throw new SlmError(
          "OP_UNSUPPORTED",
          `${this.#name}: the device cannot compute every node of graph '${name}', and falling back to the CPU is not allowed`,
          { cause, suggestions: ["--device cpu"] },
        );
      throw new SlmError("DATA_INVALID", `${this.#name}: cannot load graph '${name}': ${message}`, {
        cause,
        suggestions: source.kind === "file" ? pathAdvice(source.path) : [],
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
    const run = this.#prepare(request);
    const results = await run.compute();
    run.append(results, request.append.at);
    const kept = request.keep.map((position, at) => {
      const { dtype, shape } = run.host(results, position);
      this.#tensors.set(request.keepIds[at]!, run.output(results, position));
      return { dtype, shape };
    });
    return { fetched: run.fetched(results), kept };
  }

  async *repeat(request: PositionalRepeat): AsyncGenerator<RepeatedResult, undefined> {
    const run = this.#prepare(request);
    const { inputNames } = this.#graph(request.session).session;
    const fed = new Map<number, HostTensor>();
    yield* runLoop(request, inputNames, async (changed, at) => {
      for (const [input, tensor] of changed) {
        if (fed.get(input) === tensor) continue; // The same memory with new contents.
        run.feed(input, this.#toOrtTensor(tensor));
        fed.set(input, tensor);
      }
      const results = await run.compute();
      run.append(results, at);
      return run.fetched(results);
    });
  }

  #prepare(request: PositionalRun): PreparedRun {
    return new PreparedRun(this.#name, this.#graph(request.session), request, {
      tensor: (id) => this.#tensor(id),
      toOrtTensor: (tensor) => this.#toOrtTensor(tensor),
    });
  }

  upload({ id, tensor }: RequestOf<"upload">): null {
    this.#tensors.set(id, this.#toOrtTensor(tensor));
    return null;
  }

  download({ id }: RequestOf<"download">): HostTensor {
    const tensor = toHost(`device tensor ${String(id)}`, this.#tensor(id));
    return { ...tensor, data: tensor.data.slice() };
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

  #opened(): OrtBinding {
    if (this.#binding === undefined)
      throw new SlmError("UNEXPECTED", `${this.#name}: called before it was opened`);
    return this.#binding;
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

  #toOrtTensor(tensor: HostTensor): Ort.Tensor {
    const { dtype, shape, data } = createHostTensor(tensor.dtype, tensor.shape, tensor.data);
    if (dtype === "bfloat16")
      throw new SlmError(
        "OP_UNSUPPORTED",
        `${this.#name}: ONNX Runtime does not accept bfloat16 tensors from JavaScript`,
      );
    return new (this.#opened().Tensor)(dtype, data, [...shape]);
  }
}

async function open(
  sessions: OrtBinding["InferenceSession"],
  source: GraphSource,
  options: Ort.InferenceSession.SessionOptions,
): Promise<Ort.InferenceSession> {
  if (source.kind === "bytes") return sessions.create(source.bytes, options);
  const { path } = source;
  const bytes = await changedBytes(source);
  if (bytes === undefined) return sessions.create(path, options);
  return sessions.create(bytes, { ...options, extra: { ...options.extra, [WEIGHTS_FOLDER]: dirname(path) } });
}
