/** Sizes of the smallest model with all features: grouped heads, and heads x headDim larger than the width. */
export const TINY_SHAPE = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 8,
  maxTarget: 8,
  /** 4 special tokens and 5 others. */
  vocabularySize: 9,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;
