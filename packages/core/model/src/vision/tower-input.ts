import { patchRows, type PixelImage } from "@slm/vision";
import { patchReadingOf, type VisionTower } from "./vision-config.js";

/**
 * An image as a tower reads it: rows of patches; a class token is a row of zeros before them, since what it is was added to
 * its position.
 *
 * Shapes: `[towerTokens, patchValues]`.
 */
export const towerInput = (tower: VisionTower, image: PixelImage): Float32Array =>
  patchRows(patchReadingOf(tower), image);
