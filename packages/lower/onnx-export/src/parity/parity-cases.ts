/** Inputs that an export is compared on: several lengths, padded rows, a first run over many tokens, single steps after. */
import type { ModelConfig } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { cacheCapacity } from "../graphs/native-graphs.js";
import type { StaticSizes } from "../graphs/static-graphs.js";

/** Sizes of one comparison. */
export interface CaseSizes {
  readonly batch: number;
  /** Longest source of the batch [tokens]; 0 for a decoder-only model. */
  readonly source: number;
  /** Target tokens fed in the first run; the rest one by one. */
  readonly prefill: number;
  readonly target: number;
  /** The static graphs that run it; absent for dynamic ones. */
  readonly graph?: StaticSizes;
}

/** Tokens of one comparison. */
export interface CaseInputs {
  /** `[batch, source]`, padded on the right. */
  readonly sourceIds: HostTensor;
  /** `[batch]` */
  readonly sourceLengths: HostTensor;
  /** `[batch, target]`, unpadded. */
  readonly targetIds: HostTensor;
}

/** One comparison. */
export interface ParityProblem {
  readonly sizes: CaseSizes;
  readonly inputs: CaseInputs;
}

/** Longer sources add time, not other code: padding, masks and rotation are the same at every length. */
const MAX_SOURCE = 128;

/** The comparisons of a model: as many of source 1, 7 and half the longest, and of prefill 1, 3 and 4, as fit. */
export function paritySizes(config: ModelConfig): readonly CaseSizes[] {
  const capacity = cacheCapacity(config);
  const half = Math.min(Math.ceil(config.maxSource / 2), MAX_SOURCE);
  const sources =
    config.architecture === "decoder-only" ? [0, 0, 0] : [1, Math.min(7, config.maxSource), half];
  return sources.map((source, index) => {
    const prefill = Math.min([1, 3, 4][index]!, capacity);
    const target = Math.min(prefill + 3, capacity);
    return { batch: index + 1, source, prefill, target };
  });
}

/** Longest source of the padded comparison of a static graph [tokens]. */
const SHORT_SOURCE = 48;

/** Tokens that static decoders are compared on, one by one. */
const STATIC_TARGET = 5;

/** The comparisons of static graphs, one text each: a source that fills the graph, and one that ends long before. */
export function staticParitySizes(graph: StaticSizes): readonly CaseSizes[] {
  const { source, window } = graph;
  const lengths = new Set([source, Math.min(Math.ceil(source / 2), SHORT_SOURCE)]);
  const target = Math.min(window, STATIC_TARGET);
  return [...lengths].map((length) => ({ batch: 1, source: length, prefill: 1, target, graph }));
}
/** Deterministic tokens for a case: every row differs, row r of the sources is r tokens shorter as far as there are. */
export function parityInputs({ vocabularySize, tokens }: ModelConfig, sizes: CaseSizes): CaseInputs {
  const { batch, source, target } = sizes;
  const lengths = Int32Array.from({ length: batch }, (_, row) => Math.max(1, source - 2 * row));
  const sourceIds = idsOf([batch, source], vocabularySize, 17);
  for (let row = 0; row < batch; row++) {
    sourceIds.fill(tokens.pad, row * source + lengths[row]!, (row + 1) * source);
  }
  // No decoder is ever fed the end mark.
  const targetIds = idsOf([batch, target], vocabularySize, 5).map((id) =>
    id === tokens.eos ? tokens.bos : id,
  );
  return {
    sourceIds: createHostTensor("int32", [batch, source], sourceIds),
    sourceLengths: createHostTensor("int32", [batch], lengths),
    targetIds: createHostTensor("int32", [batch, target], targetIds),
  };
}

/** Multiples of a prime, folded into the vocabulary: spread over it, and never the same in two rows of a small batch. */
function idsOf(
  [rows, columns]: readonly [number, number],
  vocabularySize: number,
  start: number,
): Int32Array {
  return Int32Array.from({ length: rows * columns }, (_, index) => ((index + start) * 7919) % vocabularySize);
}
