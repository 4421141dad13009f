/**
 * Decodes a T5Gemma with the same cache as transformers 4.57, so that answers can be compared. In a layer with a window of W positions, the
 * cache after the first token has only the last W - 1 positions of the source, but the mask of the first W - 1: `DynamicSlidingWindowLayer` is
 * meant for self-attention, but is also used for cross-attention. Without the cache transformers attends to the whole source, as imported models
 * do.
 */
import type { StepDecoder } from "@slm/generation";
import {
  crossCaches,
  decodeStep,
  encode,
  outputHead,
  type EncoderDecoderConfig,
  type Parameters,
  type SourceContext,
  type Weights,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { maskBias, math, type Engine, type Program, type Tensor } from "@slm/tensor";

export interface WindowCacheRequest {
  readonly config: EncoderDecoderConfig;
  readonly weights: Weights;
  readonly engine: Engine;
  /** Ids int32 `[rows, source]`, and float32 with 0 at padding. */
  readonly source: HostTensor;
  readonly mask: HostTensor;
  /** Positions of the self-attention caches. */
  readonly capacity: number;
}

/** Whether the cache of any layer is shorter than a source of this length. */
export const isCut = ({ slidingWindow }: EncoderDecoderConfig, source: number): boolean =>
  slidingWindow !== undefined && slidingWindow.decoderLayers.length > 0 && slidingWindow.window - 1 < source;

/** Decodes token by token. The source is encoded again in every step: references are tiny. */
export class WindowCacheDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  readonly #request: WindowCacheRequest;
  /** Programs for the first token, and for those after it. */
  readonly #programs: readonly [Program, Program];
  readonly #cacheNames: readonly string[];
  #caches: Readonly<Record<string, HostTensor>>;
  #position = 0;

  private constructor(request: WindowCacheRequest, programs: readonly [Program, Program]) {
    const { config, source, capacity } = request;
    this.rows = source.shape[0]!;
    this.vocabularySize = config.vocabularySize;
    this.#request = request;
    this.#programs = programs;
    this.#cacheNames = cacheNames(config);
    const shape = [this.rows, config.kvHeads, capacity, config.headDim];
    this.#caches = Object.fromEntries(
      this.#cacheNames.map((name) => [name, createHostTensor("float32", shape)]),
    );
  }

  static async open(request: WindowCacheRequest): Promise<WindowCacheDecoder> {
    return new WindowCacheDecoder(request, [
      await stepProgram(request, false),
      await stepProgram(request, true),
    ]);
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const { weights, source, mask } = this.#request;
    const position = this.#position++;
    const program = this.#programs[position === 0 ? 0 : 1];
    const { fetched } = await program.run({
      feeds: {
        ...Object.fromEntries(weights),
        source,
        mask,
        ids: createHostTensor("int32", [this.rows, 1], Int32Array.from(tokens)),
        position: createHostTensor("int32", [1], Int32Array.of(position)),
        ...this.#caches,
      },
      fetch: ["logits", ...this.#cacheNames.map(present)],
    });
    this.#caches = Object.fromEntries(this.#cacheNames.map((name) => [name, fetched[present(name)]!]));
    return fetched["logits"]!.data as Float32Array;
  }

  permuteRows(order: readonly number[]): Promise<void> {
    this.#caches = Object.fromEntries(
      Object.entries(this.#caches).map(([name, { shape, data }]) => {
        const size = data.length / this.rows;
        const values = new Float32Array(data.length);
        order.forEach((from, row) => {
          values.set((data as Float32Array).subarray(from * size, (from + 1) * size), row * size);
        });
        return [name, createHostTensor("float32", shape, values)];
      }),
    );
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.release();
  }
}

const cacheNames = ({ decoderLayers }: EncoderDecoderConfig): string[] =>
  Array.from({ length: decoderLayers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();

/** Output with a cache's next state. */
const present = (name: string): string => `present.${name}`;

/** Decodes one token per row. @param isCached whether to use only the part of the source that the cache keeps */
function stepProgram(
  { config, weights, engine, source, mask, capacity }: WindowCacheRequest,
  isCached: boolean,
): Promise<Program> {
  const [rows] = source.shape as [number];
  const cache = { dtype: "float32" as const, shape: [rows, config.kvHeads, capacity, config.headDim] };
  return engine.compile({
    name: `window-cache ${isCached ? "later" : "first"}`,
    forwardOnly: true,
    inputs: {
      ...Object.fromEntries(
        [...weights].map(([name, { shape }]) => [name, { dtype: "float32" as const, shape }]),
      ),
      source: { dtype: "int32", shape: source.shape },
      mask: { dtype: "float32", shape: mask.shape },
      ids: { dtype: "int32", shape: [rows, 1] },
      position: { dtype: "int32", shape: [1] },
      ...Object.fromEntries(cacheNames(config).map((name) => [name, cache])),
    },
    build: (x) => {
      const caches = Array.from({ length: config.decoderLayers }, (_, layer) => ({
        key: x[`${layer}.key`]!,
        value: x[`${layer}.value`]!,
      }));
      const step = { source: sourceOf(config, x, isCached), caches, capacity, pastLength: x["position"]! };
      const { hidden, caches: next } = decodeStep(config, x, x["ids"]!, step);
      const logits = math.reshape(outputHead(config, x, hidden), [rows, config.vocabularySize]);
      const outputs: Record<string, Tensor> = { logits };
      next.forEach(({ key, value }, layer) => {
        outputs[present(`${layer}.key`)] = key!;
        outputs[present(`${layer}.value`)] = value!;
      });
      return outputs;
    },
  });
}

/** Keys, values and biases of all layers. */
function sourceOf(config: EncoderDecoderConfig, x: Parameters, isCached: boolean): SourceContext {
  const mask = x["mask"]!;
  const [rows, length] = mask.shape as [number, number];
  const biasOf = (allowed: Tensor): Tensor =>
    maskBias(math.reshape(allowed, [rows, 1, 1, allowed.shape[1]!]));
  const cross = crossCaches(config, x, encode(config, x, x["source"]!, { mask }).states);
  const kept = (config.slidingWindow?.window ?? Infinity) - 1;
  const bias = biasOf(mask);
  if (!isCached || kept >= length) return { cross, bias };
  const cut = config.slidingWindow?.decoderLayers ?? [];
  const [first] = math.split(mask, [kept, length - kept], 1);
  return {
    bias,
    cross: cross.map((all, layer) => {
      if (!cut.includes(layer)) return all;
      const [, key] = math.split(all.key, [length - kept, kept], 3);
      const [, value] = math.split(all.value, [length - kept, kept], 2);
      return { key: key!, value: value!, bias: biasOf(first!) };
    }),
  };
}
