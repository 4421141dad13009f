/** A run with its inputs and outputs bound (`OrtIoBinding`): kept outputs stay in the device's memory. */
import { SlmError } from "@slm/core";
import { appendPositions, DTYPES, elementCount, type HostTensor } from "@slm/runtime";
import type { PositionalRun } from "@slm/runtime/host";
import { pointers, type OrtApi, type Pointer } from "../ort/api.js";
import type { NativeGraph } from "./sessions.js";
import type { NativeTensor, NativeTensors } from "./tensors.js";

/** The services that a run needs besides its request. */
export interface RunContext {
  readonly api: OrtApi;
  readonly tensors: NativeTensors;
  /** @throws SlmError UNEXPECTED for an unknown id */
  readonly tensor: (id: number) => NativeTensor;
  /** Writes new positions into a cache that is in the device's memory. */
  readonly appendOnDevice: (cache: NativeTensor, fresh: NativeTensor, at: readonly number[]) => Promise<void>;
}

/** Outputs of one run by their position in the graph. */
type Outputs = ReadonlyMap<number, NativeTensor>;

export class BoundRun {
  readonly #context: RunContext;
  readonly #graph: NativeGraph;
  readonly #request: PositionalRun;
  readonly #binding: Pointer;
  readonly #options: Pointer;
  /** Positions of outputs in the order in which they were bound. */
  #bound: readonly number[] = [];
  /** Host tensors copied for this run. */
  readonly #copies = new Map<number, NativeTensor>();

  constructor(graph: NativeGraph, request: PositionalRun, context: RunContext) {
    this.#context = context;
    this.#graph = graph;
    this.#request = request;
    const { api } = context;
    this.#binding = api.pointer("CreateIoBinding", graph.session);
    this.#options = api.pointer("CreateRunOptions");
    request.feeds.forEach((feed, input) => {
      if (typeof feed === "number") this.#bindInput(input, context.tensor(feed));
      else this.feed(input, feed);
    });
  }

  /** Replaces an input for the following runs. @param input position among the graph's inputs */
  feed(input: number, tensor: HostTensor): void {
    const { tensors } = this.#context;
    const last = this.#copies.get(input);
    if (last?.shape.join() === tensor.shape.join()) {
      const { buffer, byteOffset, byteLength } = tensor.data;
      tensors.write(last, new Uint8Array(buffer, byteOffset, byteLength));
      return;
    }
    const copy = tensors.feed(tensor);
    this.#bindInput(input, copy);
    if (last !== undefined) tensors.release(last);
    this.#copies.set(input, copy);
  }

  #bindInput(input: number, { value }: NativeTensor): void {
    this.#context.api.call("BindInput", this.#binding, this.#graph.inputs[input]!.name, value);
  }

  /**
   *
   * Binds kept outputs and new cache positions to the memory for kept tensors, and outputs for the caller to host memory. Called before every run,
   * because a binding keeps the tensor that ONNX Runtime created for it, and the next run may need another size.
   */
  #bindOutputs(): readonly number[] {
    const { fetch, keep, into, intoIds, append } = this.#request;
    const { api, tensors, tensor } = this.#context;
    api.plain("ClearBoundOutputs", this.#binding);
    const name = (position: number): string => this.#graph.outputs[position]!.name;
    into.forEach((position, at) => {
      api.call("BindOutput", this.#binding, name(position), tensor(intoIds[at]!).value);
    });
    const stays = [...keep, ...append.outputs];
    for (const position of stays)
      api.call("BindOutputToDevice", this.#binding, name(position), tensors.keptMemory);
    const toHost = fetch.filter((position) => !into.includes(position) && !stays.includes(position));
    for (const position of toHost)
      api.call("BindOutputToDevice", this.#binding, name(position), tensors.hostMemory);
    return [...into, ...stays, ...toHost];
  }

  /**
   * Runs the graph. Names, types and declared sizes were checked before. ONNX Runtime still rejects inconsistent sizes, output buffers with the wrong
   * shape, and indices out of range.
   */
  async compute(): Promise<Outputs> {
    const { api } = this.#context;
    const { name, session } = this.#graph;
    this.#bound = this.#bindOutputs();
    try {
      await api.callInThread("RunWithBinding", session, this.#options, this.#binding);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SlmError("SHAPE_MISMATCH", `runtime-native: graph '${name}' failed: ${why}`, {
        cause,
        context: { graph: name },
      });
    }
    return this.#takeOutputs();
  }

  #takeOutputs(): Outputs {
    const { api, tensors } = this.#context;
    const { keep, append } = this.#request;
    const allocator = api.pointer("GetAllocatorWithDefaultOptions");
    const first: (Pointer | null)[] = [null];
    const count = [0];
    api.call("GetBoundOutputValues", this.#binding, allocator, first, count);
    const values = pointers(first[0], Number(count[0]));
    api.call("AllocatorFree", allocator, first[0]!);
    const isHost = (position: number): boolean =>
      !tensors.hasDeviceMemory || !(keep.includes(position) || append.outputs.includes(position));
    const known = this.#request.into.length;
    // The caller owns the tensors that were written into. Their second reference is released.
    for (const value of values.slice(0, known)) tensors.release({ value });
    return new Map(
      values.slice(known).map((value, at) => {
        const position = this.#bound[known + at]!;
        return [position, tensors.adopt(this.#graph.outputs[position]!.name, value, isHost(position))];
      }),
    );
  }

  /**
   * Copies fetched outputs, appends to caches, returns kept outputs, and releases all others.
   *
   * @param at first written position of each row
   * @throws SlmError SHAPE_MISMATCH if there is no room in a cache
   */
  async finish(
    outputs: Outputs,
    at: readonly number[],
  ): Promise<{ readonly fetched: HostTensor[]; readonly kept: NativeTensor[] }> {
    const { fetch, keep, into, intoIds, append } = this.#request;
    const { tensors, tensor } = this.#context;
    try {
      for (const [index, position] of append.outputs.entries()) {
        const [cache, fresh] = [tensor(append.ids[index]!), outputs.get(position)!];
        if (cache.bytes === undefined) await this.#context.appendOnDevice(cache, fresh, at);
        else appendPositions("runtime-native", hostView(cache), hostView(fresh), at);
      }
      const fetched = fetch.map((position) => {
        const target = into.indexOf(position);
        return tensors.download(target < 0 ? outputs.get(position)! : tensor(intoIds[target]!));
      });
      return { fetched, kept: keep.map((position) => outputs.get(position)!) };
    } finally {
      for (const [position, output] of outputs) if (!keep.includes(position)) tensors.release(output);
    }
  }

  release(): void {
    const { api, tensors } = this.#context;
    api.plain("ReleaseIoBinding", this.#binding);
    api.plain("ReleaseRunOptions", this.#options);
    for (const copy of this.#copies.values()) tensors.release(copy);
  }
}

/** A tensor in host memory, not copied. */
function hostView({ dtype, shape, bytes }: NativeTensor): HostTensor {
  const { buffer, byteOffset } = bytes!;
  return { dtype, shape, data: new DTYPES[dtype](buffer, byteOffset, elementCount(shape)) };
}
