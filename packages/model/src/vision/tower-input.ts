/** What a tower reads of an image: rows of patches, as numbers or, for keeping many, as the samples they are made of. */
import { patchRows, patchRowsReader, patchSamples, type PatchRowsReader, type PixelImage } from "@slm/vision";
import { patchGrid, patchReadingOf, patchValues, type VisionTower } from "./vision-config.js";

/** An image as a tower reads it: `[towerTokens, patchValues]`, see `patchRows`. */
export const towerInput = (tower: VisionTower, image: PixelImage): Float32Array =>
  patchRows(patchReadingOf(tower), image);

/** An image's samples in that order, a quarter of the bytes: uint8 `[patches, patchValues]`. */
export const towerSamples = (tower: VisionTower, image: PixelImage): Uint8Array =>
  patchSamples(patchReadingOf(tower), image);

/** Bytes of {@link towerSamples}. */
export function towerSampleCount(tower: VisionTower): number {
  const { height, width } = patchGrid(tower);
  return height * width * patchValues(tower);
}

/** Makes {@link towerInput} of {@link towerSamples}. */
export const towerReader = (tower: VisionTower): PatchRowsReader => patchRowsReader(patchReadingOf(tower));
