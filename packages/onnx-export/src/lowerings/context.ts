/** What the rows of one graph share while it is recorded. */
import { SlmError } from "@slm/core";
import { HEAD_WEIGHT } from "@slm/model";
import type { HeadLayout, Recorder, Tensor } from "@slm/tensor";
import type { LoweringDevice } from "../lowering-device.js";
import type { GraphWeights } from "../weights/graph-weights.js";

export interface LoweringContext {
  readonly device: LoweringDevice;
  readonly weights: GraphWeights;
  /** Longest sequence, or the cache, that a graph attends over [tokens]: length of its rotary tables. */
  readonly positions: number;
  /** Whether the graph also takes many new positions at once: a decoder-only model reads its source so. */
  readonly runsAreLong: boolean;
  /** What inputs of norms were divided by, by the name of the gain (`weights/half-range.ts`). */
  readonly divisors: ReadonlyMap<string, number>;
  readonly values: GraphValues;
}

/**
 * What the host adds to the score of a key that must not be attended. NPUs compute in float16: with scores down to -32,736 the sum stays
 * above -65,504, and no score of a token is as low, so what is masked has no weight. Quantization narrows it to the range of the scores
 * (`boundMasks`), where it saturates.
 */
export const STATIC_MASKED = -32_768;

/** Inputs of a graph that rows read besides their op's own, by name. */
export interface GraphInputs {
  /** Bias of self-attention over a window, float32 `[1, 1, 1, window]`: static graphs. */
  readonly windowBias?: string;
  /** Bias of attention over the source, float32 `[1, 1, 1, source]`: static graphs. */
  readonly sourceBias?: string;
  /** Which positions of a cache that grows are tokens, int64 `[batch, keys]`: 1, and 0 at padding. */
  readonly keyMask?: string;
}

/** Values of a graph that rows read besides their op's own inputs. */
export class GraphValues {
  #ids: string | undefined;
  #table: string | undefined;
  readonly #made = new Map<string, string>();
  #sourceBias: string | undefined;
  readonly windowBias: string | undefined;
  readonly keyMask: string | undefined;

  constructor({ windowBias, sourceBias, keyMask }: GraphInputs = {}) {
    this.windowBias = windowBias;
    this.#sourceBias = sourceBias;
    this.keyMask = keyMask;
  }

  /** A value that several ops of this graph read: made where it is first asked for, outside of branches. */
  once(key: string, make: () => string): string {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#made.set(key, value);
    return value;
  }

  /** Remembers what is embedded: every sequence of the graph has the sizes of these ids. */
  embed(ids: string, table: string): void {
    this.#ids = ids;
    this.#table = table;
  }

  /**
   * Goes on with a sequence `[batch, length, width]` of another length than the ids: with image tokens before them, or pooled. What was made for
   * the length before is made again.
   *
   * @param sourceBias what hides its padding in a static graph. Default: as before
   */
  resize(sequence: string, sourceBias = this.#sourceBias): void {
    this.#ids = sequence;
    this.#sourceBias = sourceBias;
    this.#made.clear();
  }

  /** See {@link GraphInputs}; of what the encoder has come to. */
  get sourceBias(): string | undefined {
    return this.#sourceBias;
  }

  /** What has the sizes `[batch, length, ...]` of the graph's sequences. @throws SlmError UNEXPECTED before any embedding. */
  get ids(): string {
    if (this.#ids === undefined) throw new SlmError("UNEXPECTED", "export: attention before any embedding");
    return this.#ids;
  }

  /** Whether multiplying by a weight gives logits: it was embedded with, or is a head of its own. */
  isHead(weight: string): boolean {
    return weight === this.#table || weight === HEAD_WEIGHT;
  }
}

/** @throws SlmError OP_UNSUPPORTED for heads in the order that only checkpoints have (`groupHeads` moves them). */
export function checkHeadOrder({ headOrder }: Pick<HeadLayout, "headOrder">): void {
  if (headOrder === "grouped") return;
  throw new SlmError("OP_UNSUPPORTED", `export: graphs read heads in grouped order, got '${headOrder}'`);
}

export function namesOf<Key extends string>(
  recorder: Recorder,
  tensors: Readonly<Record<Key, Tensor>>,
): Readonly<Record<Key, string>> {
  const names = Object.entries<Tensor>(tensors).map(([key, tensor]) => [key, recorder.nameOf(tensor)]);
  return Object.fromEntries(names) as Record<Key, string>;
}
