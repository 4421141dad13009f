/** Crops rectangles from images, with background outside of the image. */
import type { PixelImage, Window } from "./pixel-image.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of an image; samples outside the image are `background`. */
export function cut(image: PixelImage, window: Window, background = 0): PixelImage {
  const { channels } = image;
  const data = new Uint8Array(window.width * window.height * channels).fill(background);
  const shown = inside(window, image);
  for (let row = shown.top; row < shown.top + shown.height; row++) {
    const from = (row * image.width + shown.left) * channels;
    const to = ((row - window.top) * window.width + shown.left - window.left) * channels;
    data.set(image.data.subarray(from, from + shown.width * channels), to);
  }
  return { width: window.width, height: window.height, channels, data };
}

/** The intersection of a rectangle with an image. */
export function inside(window: Window, { width, height }: Size): Window {
  const left = Math.max(0, window.left);
  const top = Math.max(0, window.top);
  return {
    left,
    top,
    width: Math.max(0, Math.min(width, window.left + window.width) - left),
    height: Math.max(0, Math.min(height, window.top + window.height) - top),
  };
}

/**
 * The centered rectangle of an image. If it is larger than the image, the image is centered in it.
 *
 * Source: `center_crop` of transformers 4.57, which always rounds towards the upper left.
 */
export const centerWindow = (image: Size, { width, height }: Size): Window => ({
  left: Math.floor((image.width - width) / 2),
  top: Math.floor((image.height - height) / 2),
  width,
  height,
});
