/** A run prepared for ONNX Runtime. Inputs and outputs are looked up once, for any number of runs. */
import { SlmError } from "@slm/core";
import { type HostTensor, appendPositions } from "@slm/runtime";
import type * as Ort from "onnxruntime-node";
import { messageOf } from "./ort-binding.js";
import { toHost } from "./ort-values.js";
import type { PositionalRun } from "@slm/runtime/host";

export interface LoadedGraph {
  readonly name: string;
  readonly session: Ort.InferenceSession;
}

type Results = Ort.InferenceSession.OnnxValueMapType;

/** Looks up tensors. */
export interface TensorSource {
  /** @throws SlmError UNEXPECTED for an unknown id */
  readonly tensor: (id: number) => Ort.Tensor;
  readonly toOrtTensor: (tensor: HostTensor) => Ort.Tensor;
}

export class PreparedRun {
  readonly #runtime: string;
  readonly #graph: LoadedGraph;
  readonly #request: PositionalRun;
  readonly #feeds: Record<string, Ort.Tensor> = {};
  /** Outputs with a tensor are written into it. All others become new tensors. */
  readonly #fetches: Record<string, Ort.Tensor | null> = {};
  readonly #caches: readonly HostTensor[];

  constructor(runtime: string, graph: LoadedGraph, request: PositionalRun, from: TensorSource) {
    this.#runtime = runtime;
    this.#graph = graph;
    this.#request = request;
    request.feeds.forEach((feed, input) => {
      this.feed(input, typeof feed === "number" ? from.tensor(feed) : from.toOrtTensor(feed));
    });
    for (const position of [...request.fetch, ...request.keep, ...request.append.outputs])
      this.#fetches[this.#nameOf(position)] = null;
    request.into.forEach((position, at) => {
      this.#fetches[this.#nameOf(position)] = from.tensor(request.intoIds[at]!);
    });
    this.#caches = request.append.ids.map((id) => toHost("a cache", from.tensor(id)));
  }

  /** Replaces an input for the following runs. @param input position among the graph's inputs */
  feed(input: number, tensor: Ort.Tensor): void {
    this.#feeds[this.#graph.session.inputNames[input]!] = tensor;
  }

  /**
   * Runs the graph. Names, types and declared sizes were checked before. ONNX Runtime still rejects inconsistent sizes, output buffers with the wrong
   * shape, and indices out of range.
   */
  async compute(): Promise<Results> {
    const { name, session } = this.#graph;
    try {
      return await session.run(this.#feeds, this.#fetches);
    } catch (cause) {
      const shapes = Object.entries(this.#feeds).map(
        ([input, { type, dims }]) => `${input} ${type}[${dims.join(",")}]`,
      );
      throw new SlmError("SHAPE_MISMATCH", `${this.#runtime}: graph '${name}' failed: ${messageOf(cause)}`, {
        cause,
        context: { graph: name, feeds: shapes },
      });
    }
  }

  /** Appends new positions to the caches, from `at` on. @throws SlmError SHAPE_MISMATCH if there is no room */
  append(results: Results, at: readonly number[]): void {
    this.#request.append.outputs.forEach((position, index) => {
      appendPositions(this.#runtime, this.#caches[index]!, this.host(results, position), at);
    });
  }

  /** Outputs for the caller; copied if they are also kept here. */
  fetched(results: Results): HostTensor[] {
    const { fetch, keep, into } = this.#request;
    return fetch.map((position) => {
      const tensor = this.host(results, position);
      const stays = keep.includes(position) || into.includes(position);
      return stays ? { ...tensor, data: tensor.data.slice() } : tensor;
    });
  }

  output(results: Results, position: number): Ort.Tensor {
    return results[this.#nameOf(position)]!;
  }

  /** An output as a host tensor over the same memory. */
  host(results: Results, position: number): HostTensor {
    return toHost(this.#nameOf(position), this.output(results, position));
  }

  #nameOf(position: number): string {
    return this.#graph.session.outputNames[position]!;
  }
}
