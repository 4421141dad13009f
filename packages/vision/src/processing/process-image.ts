/** Converts pixels to the input values of a tower. */
import { centerWindow, cut, inside } from "../image/crop.js";
import type { ImageProcessing } from "./image-processing.js";
import { toGrey, type PixelImage } from "../image/pixel-image.js";
import { resample } from "../resample/resample.js";

/** Input values of one image: float32 `[channels, height, width]`. */
export interface ProcessedImage {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/**
 * Resizes, crops, scales and normalizes, in this order.
 *
 * Source: CLIPImageProcessor, SiglipImageProcessor and ViTImageProcessor of transformers 4.57; `packages/vision/fixtures/images.py` compares the
 * results.
 */
export function processImage(image: PixelImage, config: ImageProcessing): ProcessedImage {
  return normalizePixels(shapeImage(image, config), config);
}

/** The pixels before scaling and normalization: converted to the channels of `config`, resized and cropped. */
export function shapeImage(original: PixelImage, config: ImageProcessing): PixelImage {
  const { channels, resize, crop, filter } = config;
  const image = channels === 1 ? toGrey(original) : original;
  const size = resizedSize(image, resize);
  const canvas = resize?.kind === "fit" ? resize : size;
  const window =
    crop === undefined
      ? { left: 0, top: 0, width: canvas.width, height: canvas.height }
      : centerWindow(size, crop);
  const shown = inside(window, size);
  const resized = resample(image, { filter, ...size, window: shown });
  const placed = { ...window, left: window.left - shown.left, top: window.top - shown.top };
  return cut(resized, placed, resize?.kind === "fit" ? resize.background : 0);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Size before the crop. Source: `get_resize_output_image_size` of transformers 4.57. */
function resizedSize({ width, height }: Size, resize: ImageProcessing["resize"]): Size {
  switch (resize?.kind) {
    case undefined:
      return { width, height };
    case "stretch":
      return { width: resize.width, height: resize.height };
    case "shortestEdge": {
      const long = Math.trunc((resize.pixels * Math.max(width, height)) / Math.min(width, height));
      return width <= height
        ? { width: resize.pixels, height: long }
        : { width: long, height: resize.pixels };
    }
    case "fit": {
      const scale = Math.min(resize.width / width, resize.height / height);
      const fitted = (length: number, most: number): number =>
        Math.min(most, Math.max(1, Math.round(length * scale)));
      return { width: fitted(width, resize.width), height: fitted(height, resize.height) };
    }
  }
}

/** Converts interleaved pixels to planes of normalised values, see {@link sampleTables}. */
function normalizePixels(image: PixelImage, config: ImageProcessing): ProcessedImage {
  const { width, height, channels, data } = image;
  const plane = width * height;
  const values = new Float32Array(channels * plane);
  sampleTables(config).forEach((table, channel) => {
    for (let pixel = 0, at = channel; pixel < plane; pixel++, at += channels)
      values[channel * plane + pixel] = table[data[at]!]!;
  });
  return { channels, height, width, values };
}

/** Normalized value of each of the 256 samples, by channel: `(sample · scale - mean) / std`, rounded to float32 after every step as in NumPy. */
export function sampleTables({ channels, scale, mean, std }: ImageProcessing): readonly Float32Array[] {
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from({ length: 256 }, (_unused, sample) => {
      const centered = Math.fround(Math.fround(sample * scale) - Math.fround(mean[channel]!));
      return centered / Math.fround(std[channel]!);
    }),
  );
}
