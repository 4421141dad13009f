/** Turns the sources of a batch into program inputs: padded token ids, lengths, and image patches. */
import { SlmError } from "@slm/core";
import {
  imageTokensOf,
  patchesSpec,
  towerReader,
  type EncoderDecoderConfig,
  type VisionTower,
} from "@slm/model";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { TensorSpec } from "@slm/tensor";

/** Rows and padded texts of a program. */
export interface SourceShape {
  readonly rows: number;
  /** Longest text [tokens]. */
  readonly source: number;
}

/** Inputs for sources: `ids`, `lengths` and, for a vision-language model, `patches`. */
export function sourceSpecs(
  config: EncoderDecoderConfig,
  { rows, source }: SourceShape,
): Record<string, TensorSpec> {
  const patches = patchesSpec(config, rows);
  return {
    ids: { dtype: "int32", shape: [rows, source] },
    lengths: { dtype: "int32", shape: [rows] },
    ...(patches === undefined ? {} : { patches }),
  };
}

/**
 * Values of {@link sourceSpecs}. Unused rows contain one padding token and, for a vision-language model, an image of zeros.
 *
 * @param images pixel samples of each source's image, see `towerSamples`; required for a vision-language model.
 * @throws SlmError UNEXPECTED if the numbers of images and sources differ.
 */
export function sourceFeeds(
  config: EncoderDecoderConfig,
  shape: SourceShape,
  sources: readonly ArrayLike<number>[],
  images?: readonly Uint8Array[],
): Record<string, HostTensor> {
  const { rows, source } = shape;
  const before = imageTokensOf(config);
  const ids = new Int32Array(rows * source).fill(config.tokens.pad);
  const lengths = new Int32Array(rows).fill(before + 1);
  sources.forEach((tokens, row) => {
    ids.set(tokens, row * source);
    lengths[row] = before + Math.max(1, tokens.length);
  });
  return {
    ids: createHostTensor("int32", [rows, source], ids),
    lengths: createHostTensor("int32", [rows], lengths),
    ...patchFeeds(config, rows, sources.length, images),
  };
}

type TowerReader = ReturnType<typeof towerReader>;

/** Cache of readers by tower, because building a reader's tables takes longer than reading a batch. */
const readers = new WeakMap<VisionTower, TowerReader>();

function readerOf(tower: VisionTower): TowerReader {
  const known = readers.get(tower);
  if (known !== undefined) return known;
  const reader = towerReader(tower);
  readers.set(tower, reader);
  return reader;
}

function patchFeeds(
  config: EncoderDecoderConfig,
  rows: number,
  sources: number,
  images: readonly Uint8Array[] | undefined,
): Record<string, HostTensor> {
  const spec = patchesSpec(config, rows);
  if (config.vision === undefined || spec === undefined) return {};
  if (images?.length !== sources)
    throw new SlmError("UNEXPECTED", `training: ${images?.length ?? 0} images for ${sources} sources`);
  const values = new Float32Array(elementCount(spec.shape));
  const size = values.length / rows;
  const read = readerOf(config.vision.tower);
  images.forEach((samples, row) => {
    read(samples, values.subarray(row * size, (row + 1) * size));
  });
  return { patches: createHostTensor("float32", spec.shape, values) };
}

/** Fills missing rows with copies of the first row; returns nothing if there is no row. */
export const filled = <T>(given: readonly T[], rows: number): T[] =>
  Array.from({ length: given.length === 0 ? 0 : rows }, (_, row) => given[row] ?? given[0]!);
