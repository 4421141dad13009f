/** Inputs of the parity check: several lengths, padded rows, and a first run over many tokens followed by single steps. */
import {
  cacheCapacity,
  imageTokenCount,
  patchValues,
  towerTokens,
  visionOf,
  type ModelConfig,
} from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { StaticSizes } from "../graphs/static-graphs.js";
import type { Shortlist } from "../weights/shortlist.js";

/** Sizes of one comparison. */
export interface CaseSizes {
  readonly batch: number;
  /** Longest source of the batch, including the image [tokens]; 0 for a decoder-only model. */
  readonly source: number;
  /** Target tokens in the first run. The others follow one by one. */
  readonly prefill: number;
  readonly target: number;
  /** The static graphs that run it. Undefined for dynamic graphs. */
  readonly graph?: StaticSizes;
}

/** Tokens of one comparison. */
export interface CaseInputs {
  /** `[batch, source]`, padded on the right, without image tokens. */
  readonly sourceIds: HostTensor;
  /** `[batch]`, including image tokens. */
  readonly sourceLengths: HostTensor;
  /** `[batch, target]`, unpadded. */
  readonly targetIds: HostTensor;
  /** `[batch, rows, values]`, a different image for each row. Vision-language models only. */
  readonly patches?: HostTensor;
  /** `[batch, 3, height, width]`: the pixels of {@link patches}, for graphs that read pixels. */
  readonly pixels?: HostTensor;
}

/** One comparison. */
export interface ParityProblem {
  readonly sizes: CaseSizes;
  readonly inputs: CaseInputs;
}

/** Longer sources cost time but exercise no other code: padding, masks and rotation are the same at every length. */
const MAX_SOURCE = 128;

/** Tokens of the image before every text; 0 for a text model. */
export function imageTokensOf(config: ModelConfig): number {
  const vision = visionOf(config);
  return vision === undefined ? 0 : imageTokenCount(vision);
}

/**
 * Returns the comparisons of a model: sources of 1, 7 and half the longest length and prefills of 1, 3 and 4, if they fit. For a
 * vision-language model the sources follow an image.
 */
export function paritySizes(config: ModelConfig): readonly CaseSizes[] {
  const capacity = cacheCapacity(config);
  const image = imageTokensOf(config);
  const room = config.maxSource - image;
  const half = Math.min(Math.ceil(room / 2), MAX_SOURCE);
  const texts = config.architecture === "decoder-only" ? [0, 0, 0] : [1, Math.min(7, room), half];
  return texts.map((text, index) => {
    const prefill = Math.min([1, 3, 4][index]!, capacity);
    const target = Math.min(prefill + 3, capacity);
    return { batch: index + 1, source: image + text, prefill, target };
  });
}

/** Longest source of the padded comparison of a static graph [tokens]. */
const SHORT_SOURCE = 48;

/** Number of tokens on which static decoders are compared, one by one. */
const STATIC_TARGET = 5;

/**
 * Returns the comparisons of static graphs, one text each: a source that fills the graph and a much shorter one, except for decoder-only
 * models. With a chunk graph, also a first run of more than one and less than two chunks.
 */
export function staticParitySizes(graph: StaticSizes, config: ModelConfig): readonly CaseSizes[] {
  const { source, window, chunk } = graph;
  const image = imageTokensOf(config);
  const short = image + Math.min(Math.ceil((source - image) / 2), SHORT_SOURCE);
  const lengths = config.architecture === "decoder-only" ? new Set([0]) : new Set([source, short]);
  const prefills = chunk === undefined ? [1] : [1, Math.min(chunk + Math.ceil(chunk / 2), window)];
  return [...lengths].flatMap((length) =>
    prefills.map((prefill) => {
      const target = Math.min(window, prefill + STATIC_TARGET - 1);
      return { batch: 1, source: length, prefill, target, graph };
    }),
  );
}

/**
 * Returns deterministic tokens for a case. Every row differs, and source row r is r tokens shorter where possible. Targets use only tokens
 * of the shortlist, if there is one.
 */
export function parityInputs(config: ModelConfig, sizes: CaseSizes, shortlist?: Shortlist): CaseInputs {
  const { vocabularySize, tokens } = config;
  const { batch, target } = sizes;
  const image = imageTokensOf(config);
  const text = sizes.source - image;
  const lengths = Int32Array.from({ length: batch }, (_, row) => Math.max(1, text - 2 * row));
  const sourceIds = idsOf([batch, text], vocabularySize, 17);
  for (let row = 0; row < batch; row++) {
    sourceIds.fill(tokens.pad, row * text + lengths[row]!, (row + 1) * text);
  }
  // A decoder never reads tokens outside its shortlist, or the EOS token unless answers start with it.
  const fed = idsOf([batch, target], shortlist?.length ?? vocabularySize, 5);
  const startsWithEnd = tokens.bos === tokens.eos;
  const targetIds = fed.map((place, index) => {
    if (startsWithEnd && index % target === 0) return tokens.eos;
    const id = shortlist?.[place] ?? place;
    if (id !== tokens.eos) return id;
    return startsWithEnd ? tokens.unknown : tokens.bos;
  });
  return {
    sourceIds: createHostTensor("int32", [batch, text], sourceIds),
    sourceLengths: createHostTensor(
      "int32",
      [batch],
      lengths.map((length) => image + length),
    ),
    targetIds: createHostTensor("int32", [batch, target], targetIds),
    ...patchesOf(config, batch),
  };
}

/** Patches like those of normalised pixels: from -1 to 1, different in every row. */
function patchesOf(config: ModelConfig, batch: number): Pick<CaseInputs, "patches"> {
  const vision = visionOf(config);
  if (vision === undefined) return {};
  const shape = [batch, towerTokens(vision.tower), patchValues(vision.tower)];
  const patches = createHostTensor("float32", shape);
  for (let index = 0; index < patches.data.length; index++)
    patches.data[index] = ((index * 7919) % PATCH_LEVELS) / (PATCH_LEVELS / 2) - 1;
  return { patches };
}

/** Number of different patch values: prime, so that rows of any size differ. */
const PATCH_LEVELS = 509;

/** Multiples of a prime modulo the vocabulary size: spread over the vocabulary, and different in the rows of a small batch. */
function idsOf(
  [rows, columns]: readonly [number, number],
  vocabularySize: number,
  start: number,
): Int32Array {
  return Int32Array.from({ length: rows * columns }, (_, index) => ((index + start) * 7919) % vocabularySize);
}
