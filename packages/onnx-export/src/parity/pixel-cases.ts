/** Inputs of graphs that read pixels: images, and what the trained model reads of them. */
import { patchReadingOf, visionOf, type ModelConfig, type VisionTower } from "@slm/model";
import { createHostTensor, joinFloats } from "@slm/runtime";
import { patchRows, patchRowsShape, processedSize, type PixelImage } from "@slm/vision";
import { imageTokensOf, parityInputs, paritySizes, type CaseInputs, type CaseSizes } from "./parity-cases.js";

/** The comparisons of a model that is asked the same of every image: as {@link paritySizes}, behind a source of one length. */
export const pixelParitySizes = (config: ModelConfig, prompt: readonly number[]): readonly CaseSizes[] =>
  paritySizes(config).map((sizes) => ({ ...sizes, source: imageTokensOf(config) + prompt.length }));

/** As {@link parityInputs}, with the prompt as every source. */
export function pixelParityInputs(
  config: ModelConfig,
  sizes: CaseSizes,
  prompt: readonly number[],
): CaseInputs {
  const { batch, source } = sizes;
  const { targetIds } = parityInputs(config, sizes);
  const { tower } = visionOf(config)!;
  const images = Array.from({ length: batch }, (_, row) => imageOf(tower, row));
  const reading = patchReadingOf(tower);
  const rows = images.map((image) => patchRows(reading, image));
  const { height, width } = images[0]!;
  return {
    targetIds,
    sourceIds: createHostTensor(
      "int32",
      [batch, prompt.length],
      Int32Array.from(images.flatMap(() => [...prompt])),
    ),
    sourceLengths: createHostTensor("int32", [batch], new Int32Array(batch).fill(source)),
    patches: createHostTensor("float32", [batch, ...patchRowsShape(reading)], joinFloats(rows)),
    pixels: createHostTensor("float32", [batch, 3, height, width], joinFloats(images.map(planesOf))),
  };
}

/** Levels of pixels: prime, so that rows of any size differ. */
const LEVELS = 251;

/** An image that is cut or padded and not resized: a level's difference of a resized sample is no fault of the graphs. */
function imageOf({ image }: VisionTower, row: number): PixelImage {
  const { height, width } = sizeOf(image);
  const data = Uint8Array.from(
    { length: height * width * 3 },
    (_, index) => ((index + 1) * (7919 + 2 * row)) % LEVELS,
  );
  return { width, height, channels: 3, data };
}

function sizeOf(image: VisionTower["image"]): { readonly height: number; readonly width: number } {
  const { resize } = image;
  const { height, width } = processedSize(image);
  if (resize === undefined) return { height: height + 3, width: Math.max(1, width - 2) };
  return resize.kind === "shortestEdge"
    ? { height: resize.pixels, width: resize.pixels + 3 }
    : { height, width };
}

/** Samples by channels, `[3, height, width]`. */
function planesOf({ width, height, data }: PixelImage): Float32Array {
  const plane = width * height;
  return Float32Array.from(
    { length: 3 * plane },
    (_, index) => data[(index % plane) * 3 + Math.floor(index / plane)]!,
  );
}
