import { processImage, toPatches, type PixelImage } from "@slm/vision";
import { patchValues, towerTokens, type VisionTower } from "./vision-config.js";

/**
 * An image as a tower reads it: rows of patches; a class token is a row of zeros before them, since what it is was added to
 * its position.
 *
 * Shapes: `[towerTokens, patchValues]`.
 */
export function towerInput(tower: VisionTower, image: PixelImage): Float32Array {
  const patches = toPatches(processImage(image, tower.image), tower.patch);
  const rows = new Float32Array(towerTokens(tower) * patchValues(tower));
  rows.set(patches, rows.length - patches.length);
  return rows;
}
