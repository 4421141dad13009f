/** Shapes that \`slm init\` offers; apart from what writes a recipe, so that printing help loads nothing more. */

/** Students by size: shapes whose heads fill the width and whose encoder is the deeper half. */
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
  medium: {
    width: 384,
    heads: 6,
    headDim: 64,
    feedForward: 1536,
    encoderLayers: 8,
    decoderLayers: 4,
    steps: 10_000,
  },
} as const;
