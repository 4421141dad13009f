/** Owns ONNX Runtime's sessions and tensors in a child process. */
import { SlmError } from "@slm/core";
import { permuteRowsInPlace, unknownTensor, type HostTensor } from "@slm/runtime";
import { runLoop } from "@slm/runtime/host";
import type {
  Host,
  LoadedSignature,
  PositionalRepeat,
  PositionalResult,
  PositionalRun,
  RepeatedResult,
  RequestOf,
  SessionSettings,
} from "@slm/runtime/host";
import { BoundRun, type RunContext } from "./bound-run.js";
import { DeviceGraphs } from "./device-graphs.js";
import { NativeEnvironment } from "./environment.js";
import type { NativeProvider } from "./provider.js";
import { loadGraph, type NativeGraph } from "./sessions.js";
import { NativeTensors, type NativeTensor } from "./tensors.js";

const NAME = "runtime-native";

/** What the host opens. */
export interface NativeHostOptions {
  /** Absent: ONNX Runtime's CPU provider. */
  readonly provider?: NativeProvider | undefined;
}

const openNative = (provider: NativeProvider | undefined): NativeEnvironment =>
  new NativeEnvironment(provider);

/** The handlers of every call. Calls must not overlap; the channel ensures this. */
export class NativeHost implements Host {
  readonly #options: NativeHostOptions;
  readonly #openEnvironment: typeof openNative;
  #opened: { readonly environment: NativeEnvironment; readonly tensors: NativeTensors } | undefined;
  #threads = 1;
  #settings: SessionSettings = {};
  readonly #graphs = new Map<number, NativeGraph>();
  readonly #deviceGraphs = new DeviceGraphs({
    load: (request) => this.#load(request),
    context: () => this.#context(),
  });
  readonly #tensors = new Map<number, NativeTensor>();

  /** @param openEnvironment opens ONNX Runtime with the provider */
  constructor(options: NativeHostOptions, openEnvironment: typeof openNative = openNative) {
    this.#options = options;
    this.#openEnvironment = openEnvironment;
  }

  open({ threads, settings }: RequestOf<"open">): null {
    this.#threads = threads;
    this.#settings = settings;
    const environment = this.#openEnvironment(this.#options.provider);
    const tensors = new NativeTensors(environment.api, environment.address, environment.deviceMemory());
    this.#opened = { environment, tensors };
    return null;
  }

  async load(request: RequestOf<"load">): Promise<LoadedSignature> {
    const graph = await this.#load(request);
    this.#graphs.set(request.session, graph);
    const { inputs, outputs, compiled } = graph;
    return { inputs, outputs, compiled };
  }

  /**
   *
   * Sessions of a plug-in stay until the process ends, because onnxruntime-qnn 2.7.0 ends the process when a session is released after another one
   * of the same process (QnnBackendManager::ReleaseResources).
   */
  unload({ session }: RequestOf<"unload">): null {
    const graph = this.#graph(session);
    this.#graphs.delete(session);
    if (this.#options.provider === undefined)
      this.#open().environment.api.plain("ReleaseSession", graph.session);
    return null;
  }

  async run(request: PositionalRun): Promise<PositionalResult> {
    const run = this.#bind(request);
    try {
      const { fetched, kept } = await run.finish(await run.compute(), request.append.at);
      kept.forEach((tensor, at) => this.#tensors.set(request.keepIds[at]!, tensor));
      return { fetched, kept: kept.map(({ dtype, shape }) => ({ dtype, shape })) };
    } finally {
      run.release();
    }
  }

  async *repeat(request: PositionalRepeat): AsyncGenerator<RepeatedResult, undefined> {
    const run = this.#bind(request);
    const names = this.#graph(request.session).inputs.map(({ name }) => name);
    try {
      yield* runLoop(request, names, async (changed, at) => {
        for (const [input, tensor] of changed) run.feed(input, tensor);
        const { fetched } = await run.finish(await run.compute(), at);
        return fetched;
      });
    } finally {
      run.release();
    }
  }

  upload({ id, tensor }: RequestOf<"upload">): null {
    this.#tensors.set(id, this.#open().tensors.upload(tensor));
    return null;
  }

  download({ id }: RequestOf<"download">): HostTensor {
    return this.#open().tensors.download(this.#tensor(id));
  }

  /** In the host's memory in place; in the device's there, into a new tensor that takes the place of the other. */
  async permuteRows({ id, rows }: RequestOf<"permuteRows">): Promise<null> {
    const tensor = this.#tensor(id);
    if (tensor.bytes !== undefined) {
      permuteRowsInPlace(tensor.bytes, rows);
      return null;
    }
    this.#tensors.set(id, await this.#deviceGraphs.reordered(tensor, rows));
    this.#open().tensors.release(tensor);
    return null;
  }

  release({ ids }: RequestOf<"release">): null {
    for (const id of ids) {
      this.#open().tensors.release(this.#tensor(id));
      this.#tensors.delete(id);
    }
    return null;
  }

  peakMemory(): number {
    // libuv reports kibibytes on every platform.
    return process.resourceUsage().maxRSS * 1024;
  }

  #load(request: RequestOf<"load">): Promise<NativeGraph> {
    const own = { threads: this.#threads, settings: this.#settings };
    return loadGraph(this.#open().environment, request, own);
  }

  #bind(request: PositionalRun): BoundRun {
    return new BoundRun(this.#graph(request.session), request, {
      ...this.#context(),
      tensor: (id) => this.#tensor(id),
      appendOnDevice: (...appended) => this.#deviceGraphs.append(...appended),
    });
  }

  #context(): Pick<RunContext, "api" | "tensors"> {
    const { environment, tensors } = this.#open();
    return { api: environment.api, tensors };
  }

  #open(): { readonly environment: NativeEnvironment; readonly tensors: NativeTensors } {
    if (this.#opened === undefined) throw new SlmError("UNEXPECTED", `${NAME}: called before it was opened`);
    return this.#opened;
  }

  #graph(session: number): NativeGraph {
    const graph = this.#graphs.get(session);
    if (graph === undefined) throw new SlmError("UNEXPECTED", `${NAME}: this session has been released`);
    return graph;
  }

  #tensor(id: number): NativeTensor {
    const tensor = this.#tensors.get(id);
    if (tensor === undefined) throw unknownTensor(NAME, id);
    return tensor;
  }
}
