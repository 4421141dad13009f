/** The test double of a runtime: graphs are JavaScript functions, and tests can read the map of tensors. */
import { basename } from "node:path";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "../tensors/host-tensor.js";
import { repeatRuns } from "../repeat-runs.js";
import type {
  DeviceTensor,
  GraphSource,
  LoadOptions,
  RunRequest,
  RunResult,
  Runtime,
  RuntimeDevice,
  Session,
} from "../runtime.js";

/** One run of a graph. */
export interface MemoryRun {
  /** Every input tensor by name, whether it came from the host or the device. Read-only. */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly request: RunRequest;
}

/** Outputs by name. A graph may omit outputs that were not requested. */
export type MemoryOutputs = Readonly<Record<string, HostTensor>>;

export type MemoryGraph = (run: MemoryRun) => MemoryOutputs | Promise<MemoryOutputs>;

/** Graphs by name: the file name without `.onnx`, or the name that bytes are loaded with. */
export type MemoryGraphs = Readonly<Record<string, MemoryGraph>>;

/** Runs {@link MemoryGraphs}. It rejects unknown tensors and tensors that are released twice. */
export class MemoryRuntime implements Runtime {
  readonly device: RuntimeDevice = {
    provider: "memory",
    threads: 1,
    description: "test",
    simulated: true,
    fallbacks: [],
  };
  /** Tensors on the device, by id. */
  readonly tensors = new Map<number, HostTensor>();
  /** Names of the graphs that are currently loaded. */
  readonly loaded: string[] = [];
  /** Number of tensors uploaded so far. */
  uploads = 0;
  isClosed = false;
  readonly #graphs = new Map<string, MemoryGraph>();
  #lastId = 0;

  constructor(graphs: MemoryGraphs = {}) {
    this.add(graphs);
  }

  /** Adds graphs that can be loaded. */
  add(graphs: MemoryGraphs): void {
    for (const [name, graph] of Object.entries(graphs)) this.#graphs.set(name, graph);
  }

  load(source: GraphSource, { name = "" }: LoadOptions = {}): Promise<Session> {
    const graphName = source.kind === "file" ? basename(source.path, ".onnx") : name;
    const graph = this.#graphs.get(graphName);
    if (graph === undefined) {
      const known = [...this.#graphs.keys()].join(", ");
      throw new SlmError("UNEXPECTED", `memory: expected one of the graphs ${known}, got '${graphName}'`);
    }
    this.loaded.push(graphName);
    const run = (request: RunRequest): Promise<RunResult> => this.#run(graph, request);
    return Promise.resolve({
      inputNames: [],
      outputNames: [],
      run,
      repeat: (request) => repeatRuns({ run }, request),
      release: () => {
        this.loaded.splice(this.loaded.indexOf(graphName), 1);
        return Promise.resolve();
      },
    });
  }

  upload(tensor: HostTensor): Promise<DeviceTensor> {
    this.uploads++;
    return Promise.resolve(this.#keep(tensor));
  }

  download(tensor: DeviceTensor): Promise<HostTensor> {
    return Promise.resolve(copyOf(this.#held(tensor)));
  }

  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    const { data } = this.#held(target);
    const width = data.length / rows.length;
    const old = data.slice();
    rows.forEach((from, to) => {
      for (let at = 0; at < width; at++) data[to * width + at] = old[from * width + at]!;
    });
    return Promise.resolve();
  }

  release(tensors: readonly DeviceTensor[]): Promise<void> {
    for (const tensor of tensors) {
      this.#held(tensor);
      this.tensors.delete(tensor.id);
    }
    return Promise.resolve();
  }

  peakMemoryBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  async #run(graph: MemoryGraph, request: RunRequest): Promise<RunResult> {
    const { fetch = [], keep = [], into = {} } = request;
    const feeds = Object.entries(request.feeds).map(([name, tensor]) => {
      return [name, "data" in tensor ? tensor : this.#held(tensor)] as const;
    });
    const outputs = await graph({ feeds: Object.fromEntries(feeds), request });
    const outputOf = (name: string): HostTensor => {
      const output = outputs[name];
      if (output === undefined) throw new SlmError("UNEXPECTED", `memory: the graph has no output '${name}'`);
      return output;
    };
    for (const [name, target] of Object.entries(into)) overwrite(this.#held(target), outputOf(name));
    return {
      fetched: Object.fromEntries(fetch.map((name) => [name, outputOf(name)])),
      kept: Object.fromEntries(keep.map((name) => [name, this.#keep(outputOf(name))])),
    };
  }

  #keep(tensor: HostTensor): DeviceTensor {
    const id = ++this.#lastId;
    this.tensors.set(id, copyOf(tensor));
    return { id, dtype: tensor.dtype, shape: tensor.shape };
  }

  #held({ id }: DeviceTensor): HostTensor {
    const held = this.tensors.get(id);
    if (held === undefined)
      throw new SlmError("UNEXPECTED", `memory: tensor ${id} was released or never existed`);
    return held;
  }
}

const copyOf = ({ dtype, shape, data }: HostTensor): HostTensor =>
  createHostTensor(dtype, shape, data.slice());

function overwrite(target: HostTensor, source: HostTensor): void {
  if (target.dtype !== source.dtype || target.shape.join() !== source.shape.join()) {
    const [into, from] = [target, source].map(({ dtype, shape }) => `${dtype}[${shape.join(",")}]`);
    throw new SlmError("SHAPE_MISMATCH", `memory: expected ${into!} to be overwritten, got ${from!}`);
  }
  target.data.set(source.data as never);
}
