/** Sizes of models by name, in a file of its own so that printing help loads nothing else. */

/** Whole models by size. Heads are 24 to 64 elements wide, and an encoder-decoder has more layers in its encoder. */
export const MODEL_SIZES = {
  tiny: { width: 96, heads: 4, encoderLayers: 3, decoderLayers: 2 },
  small: { width: 192, heads: 6, encoderLayers: 4, decoderLayers: 2 },
  base: { width: 384, heads: 6, encoderLayers: 8, decoderLayers: 4 },
  /** The paper's shape (arXiv 2501.16273, section 4). */
  large: { width: 1024, heads: 16, encoderLayers: 20, decoderLayers: 10 },
} as const;

export type SizeName = keyof typeof MODEL_SIZES;
