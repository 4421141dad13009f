/** The input of a tower: rows of patches as float32, or as uint8 samples, to store many images. */
import { patchRows, patchRowsReader, patchSamples, type PatchRowsReader, type PixelImage } from "@slm/vision";
import { patchGrid, patchReadingOf, patchValues, type VisionTower } from "../config/vision-config.js";

/** An image as tower input: `[towerTokens, patchValues]`, see `patchRows`. */
export const towerInput = (tower: VisionTower, image: PixelImage): Float32Array =>
  patchRows(patchReadingOf(tower), image);

/** An image's samples in the same order, in a quarter of the bytes: uint8 `[patches, patchValues]`. */
export const towerSamples = (tower: VisionTower, image: PixelImage): Uint8Array =>
  patchSamples(patchReadingOf(tower), image);

/** Size of {@link towerSamples} in bytes. */
export function towerSampleCount(tower: VisionTower): number {
  const { height, width } = patchGrid(tower);
  return height * width * patchValues(tower);
}

/** Converts {@link towerSamples} to {@link towerInput}. */
export const towerReader = (tower: VisionTower): PatchRowsReader => patchRowsReader(patchReadingOf(tower));
