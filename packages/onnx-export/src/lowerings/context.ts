/** State that the lowerings of one graph share while it is recorded. */
import { SlmError } from "@slm/core";
import type { HeadLayout, Recorder, Tensor } from "@slm/tensor";
import type { LoweringDevice } from "./lowering-device.js";
import type { GraphWeights } from "../weights/graph-weights.js";

export interface LoweringContext {
  readonly device: LoweringDevice;
  readonly weights: GraphWeights;
  /** Longest sequence or cache that the graph attends [tokens], which is the length of its rotary tables. */
  readonly positions: number;
  /** Whether the graph also processes many new positions at once, as a decoder-only model does with its source. */
  readonly runsAreLong: boolean;
  /** Divisors of the inputs of norms, by the name of the gain (`weights/half-range.ts`). */
  readonly divisors: ReadonlyMap<string, number>;
  /** Graph inputs that lowerings read in addition to their op's inputs. */
  readonly inputs: GraphInputs;
  readonly sequence: GraphSequence;
}

/**
 * The host adds this to the scores of masked keys. NPUs compute in float16: with scores down to -32,736 the sum stays above -65,504. No
 * score of a token is that low, so masked keys get no weight. Quantization narrows the value to the range of the scores (`boundMasks`),
 * where it saturates.
 */
export const STATIC_MASKED = -32_768;

/** Names of graph inputs that lowerings read in addition to their op's inputs. */
export interface GraphInputs {
  /** Static graphs: bias of self-attention over a window, float32 `[1, 1, 1, window]`. */
  readonly windowBias?: string;
  /** Static graphs: bias of attention over the source, float32 `[1, 1, 1, source]`. */
  readonly sourceBias?: string;
  /** Growing caches: int64 `[batch, keys]`, 1 at tokens and 0 at padding. */
  readonly keyMask?: string;
}

/** A sequence of tokens and the values derived from it. */
interface Sequence {
  /** A value with the sequence's sizes `[batch, length, ...]`; undefined before any embedding. */
  readonly tokens: string | undefined;
  readonly sourceBias: string | undefined;
  /** Values that depend only on the sequence, by key. */
  readonly made: Map<string, string>;
}

/**
 * The current sequence of a graph. Ops are recorded in order, so a lowering finds the sequence of its inputs here. Embedding starts a
 * sequence; only ops that change the number of tokens replace it.
 */
export class GraphSequence {
  #current: Sequence;

  constructor({ sourceBias }: GraphInputs = {}) {
    this.#current = { tokens: undefined, sourceBias, made: new Map() };
  }

  /** Returns a value that several ops over this sequence read. The first call emits it, outside of branches. */
  once(key: string, make: () => string): string {
    const { made } = this.#current;
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make();
    made.set(key, value);
    return value;
  }

  /** Starts the sequence of ids `[batch, length]`. */
  start(ids: string): void {
    this.#current = { ...this.#current, tokens: ids };
  }

  /**
   * Continues with tokens `[batch, length, width]` of another length, after image tokens were prepended or tokens were pooled.
   *
   * @param sourceBias mask of their padding in a static graph. Default: unchanged
   */
  replace(tokens: string, sourceBias = this.#current.sourceBias): void {
    this.#current = { tokens, sourceBias, made: new Map() };
  }

  /** See {@link GraphInputs}, for the sequence after pooling. */
  get sourceBias(): string | undefined {
    return this.#current.sourceBias;
  }

  /** A value with the sequence's sizes `[batch, length, ...]`. @throws SlmError UNEXPECTED before any embedding. */
  get tokens(): string {
    const { tokens } = this.#current;
    if (tokens === undefined)
      throw new SlmError("UNEXPECTED", "export: the model attends before it embeds tokens");
    return tokens;
  }
}

/** @throws SlmError OP_UNSUPPORTED for a head order that only checkpoints have (`groupHeads` converts it). */
export function checkHeadOrder({ headOrder }: Pick<HeadLayout, "headOrder">): void {
  if (headOrder === "grouped") return;
  throw new SlmError("OP_UNSUPPORTED", `export: graphs need heads in grouped order, got '${headOrder}'`);
}

export function namesOf<Key extends string>(
  recorder: Recorder,
  tensors: Readonly<Record<Key, Tensor>>,
): Readonly<Record<Key, string>> {
  const names = Object.entries<Tensor>(tensors).map(([key, tensor]) => [key, recorder.nameOf(tensor)]);
  return Object.fromEntries(names) as Record<Key, string>;
}
