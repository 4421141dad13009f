/** Shapes that \`slm init\` offers, in a file of their own so that printing help loads nothing else. */

/** Shapes of students by size. Heads x headDim equals the width, and the encoder has more layers than the decoder. */
export const SIZES = {
  tiny: {
    width: 96,
    heads: 4,
    headDim: 24,
    feedForward: 384,
    encoderLayers: 3,
    decoderLayers: 2,
    steps: 1600,
  },
  small: {
    width: 192,
    heads: 6,
    headDim: 32,
    feedForward: 768,
    encoderLayers: 4,
    decoderLayers: 2,
    steps: 4000,
  },
  base: {
    width: 384,
    heads: 6,
    headDim: 64,
    feedForward: 1536,
    encoderLayers: 8,
    decoderLayers: 4,
    steps: 10_000,
  },
} as const;
