/**
 * Splits images of any aspect ratio into tiles of the tower's input size, preceded by the downscaled whole image. The model then sees more
 * pixels than the tower reads at once.
 *
 * Source: LLaVA-NeXT's `anyres` as in transformers 4.57 (`select_best_resolution`, `get_patch_output_size`, `unpad_image`,
 * `pack_image_features`); `packages/vision/fixtures/images.py` compares the results.
 */
import { SlmError } from "@slm/core";
import { cut } from "../image/crop.js";
import { processedSize, type ImageProcessing } from "./image-processing.js";
import type { PixelImage } from "../image/pixel-image.js";
import { normalizePixels, type ProcessedImage } from "./process-image.js";
import { resample } from "../resample/resample.js";

interface Size {
  readonly height: number;
  readonly width: number;
}

/** Resolutions for tiling, [height, width] in pixels. */
export type Pinpoints = readonly (readonly [height: number, width: number])[];

/**
 * The resolution that keeps most of an image's pixels; on ties the one with the least padding.
 *
 * @throws SlmError CONFIG_INVALID if there is no resolution to choose from.
 */
function bestResolution({ height, width }: Size, pinpoints: Pinpoints): Size {
  let best: Size | undefined;
  let mostUsed = 0;
  let leastWasted = Infinity;
  for (const [tall, wide] of pinpoints) {
    const scale = Math.min(wide / width, tall / height);
    const pixels = Math.trunc(width * scale) * Math.trunc(height * scale);
    const used = Math.min(pixels, width * height);
    const wasted = wide * tall - used;
    if (used < mostUsed || (used === mostUsed && wasted >= leastWasted)) continue;
    [best, mostUsed, leastWasted] = [{ height: tall, width: wide }, used, wasted];
  }
  if (best === undefined)
    throw new SlmError("CONFIG_INVALID", "image: expected at least one resolution for tiles, got none");
  return best;
}

/** Size of an image scaled to fit inside `target` with its aspect ratio. The side that is shorter than the target is rounded up. */
function sizeInside({ height, width }: Size, target: Size): Size {
  const [byWidth, byHeight] = [target.width / width, target.height / height];
  return byWidth < byHeight
    ? { width: target.width, height: Math.min(Math.ceil(height * byWidth), target.height) }
    : { height: target.height, width: Math.min(Math.ceil(width * byHeight), target.width) };
}

export interface Tiles {
  /** The whole image first, then the tiles in row-major order. */
  readonly images: readonly ProcessedImage[];
  readonly rows: number;
  readonly columns: number;
}

/**
 * Splits an image into tiles.
 *
 * @throws SlmError CONFIG_INVALID if a resolution is not a multiple of the tower's size.
 */
export function processTiles(image: PixelImage, config: ImageProcessing, pinpoints: Pinpoints): Tiles {
  const { filter } = config;
  const tower = processedSize(config);
  const best = bestResolution(image, pinpoints);
  const { rows, columns } = tileGrid(best, tower);
  const fitted = sizeInside(image, best);
  const resized = resample(image, { filter, ...fitted });
  const left = -Math.floor((best.width - fitted.width) / 2);
  const top = -Math.floor((best.height - fitted.height) / 2);
  const images = [normalizePixels(resample(image, { filter, ...tower }), config)];
  for (let tile = 0; tile < rows * columns; tile++) {
    const window = {
      left: left + (tile % columns) * tower.width,
      top: top + Math.floor(tile / columns) * tower.height,
      ...tower,
    };
    images.push(normalizePixels(cut(resized, window), config));
  }
  return { images, rows, columns };
}

/** Tiles of a resolution. @throws SlmError CONFIG_INVALID if they do not fill it. */
function tileGrid(resolution: Size, tower: Size): { rows: number; columns: number } {
  const rows = resolution.height / tower.height;
  const columns = resolution.width / tower.width;
  if (Number.isInteger(rows) && Number.isInteger(columns)) return { rows, columns };
  throw new SlmError(
    "CONFIG_INVALID",
    `image: ${resolution.height} x ${resolution.width} is not a multiple of the tile size ${tower.height} x ${tower.width}`,
  );
}

/**
 * The order of tokens of a tiled image: the tokens of the whole image, then the rows of the joined tiles without the rows and columns of
 * padding, each followed by the newline token.
 *
 * Tokens are numbered consecutively: `grid.height · grid.width` of the whole image, as many of each tile, then the newline.
 *
 * @param grid tokens of one tile.
 */
export function tileTokens(
  original: Size,
  { rows, columns, grid }: { readonly rows: number; readonly columns: number; readonly grid: Size },
): Int32Array {
  const perTile = grid.height * grid.width;
  const newline = (1 + rows * columns) * perTile;
  const kept = withoutPadding(original, { height: rows * grid.height, width: columns * grid.width });
  const tokens = Array.from({ length: perTile }, (_, token) => token);
  for (let row = kept.top; row < kept.bottom; row++) {
    for (let column = kept.left; column < kept.right; column++) {
      const tile = Math.floor(row / grid.height) * columns + Math.floor(column / grid.width);
      tokens.push((1 + tile) * perTile + (row % grid.height) * grid.width + (column % grid.width));
    }
    tokens.push(newline);
  }
  return Int32Array.from(tokens);
}

/** Number of decimal places to which a length is rounded before it is truncated to an integer, as in `unpad_image`. */
const PLACES = 1e7;
const truncated = (length: number): number => Math.trunc(Math.round(length * PLACES) / PLACES);

function withoutPadding(
  original: Size,
  all: Size,
): { top: number; bottom: number; left: number; right: number } {
  if (original.width / original.height > all.width / all.height) {
    const height = truncated(original.height * (all.width / original.width));
    const padding = Math.floor((all.height - height) / 2);
    return { top: padding, bottom: all.height - padding, left: 0, right: all.width };
  }
  const width = truncated(original.width * (all.height / original.height));
  const padding = Math.floor((all.width - width) / 2);
  return { top: 0, bottom: all.height, left: padding, right: all.width - padding };
}
