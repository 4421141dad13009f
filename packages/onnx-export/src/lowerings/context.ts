/** What the rows of one graph share while it is recorded. */
import { SlmError } from "@slm/core";
import type { HeadLayout, Recorder, Tensor } from "@slm/tensor";
import type { LoweringDevice } from "./lowering-device.js";
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
  /** Inputs of the graph that rows read besides their op's own. */
  readonly inputs: GraphInputs;
  readonly sequence: GraphSequence;
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

/** A sequence of tokens, as far as ops other than its own producer read it. */
interface Sequence {
  /** A value of its sizes `[batch, length, ...]`; undefined before any embedding. */
  readonly tokens: string | undefined;
  readonly sourceBias: string | undefined;
  /** Values that depend on nothing but the sequence, by key. */
  readonly made: Map<string, string>;
}

/**
 * The sequence that a graph's ops work on. A model's ops are recorded in order, so what a lowering reads here is the sequence of its inputs:
 * embedding starts it, and only ops that change how many tokens there are replace it.
 */
export class GraphSequence {
  #current: Sequence;

  constructor({ sourceBias }: GraphInputs = {}) {
    this.#current = { tokens: undefined, sourceBias, made: new Map() };
  }

  /** A value that several ops over this sequence read: made where it is first asked for, outside of branches. */
  once(key: string, make: () => string): string {
    const { made } = this.#current;
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make();
    made.set(key, value);
    return value;
  }

  /** Goes on with ids `[batch, length]`, which are embedded. */
  start(ids: string): void {
    this.#current = { ...this.#current, tokens: ids };
  }

  /**
   * Goes on with tokens `[batch, length, width]` of another length: with image tokens before them, or pooled.
   *
   * @param sourceBias what hides their padding in a static graph. Default: as before
   */
  replace(tokens: string, sourceBias = this.#current.sourceBias): void {
    this.#current = { tokens, sourceBias, made: new Map() };
  }

  /** See {@link GraphInputs}; that of the sequence as the encoder has pooled it. */
  get sourceBias(): string | undefined {
    return this.#current.sourceBias;
  }

  /** A value of the sequence's sizes `[batch, length, ...]`. @throws SlmError UNEXPECTED before any embedding. */
  get tokens(): string {
    const { tokens } = this.#current;
    if (tokens === undefined) throw new SlmError("UNEXPECTED", "export: attention before any embedding");
    return tokens;
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
