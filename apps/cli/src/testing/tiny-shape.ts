/** Shapes of tiny models, for `slm model init`. */

/**
 * @param maxTarget above 128, target cpu uses delta caches: the graph returns only the new keys and values
 * @param further options of the model as YAML
 */
export const tinyShape = (
  architecture: "encoder-decoder" | "decoder-only",
  maxTarget: number,
  further = "",
): string => `
architecture: ${architecture}
width: 32
heads: 4
kvHeads: 2
headDim: 16
feedForward: 48
${architecture === "encoder-decoder" ? "encoderLayers: 1" : ""}
decoderLayers: 2
maxSource: 20
maxTarget: ${maxTarget}
vocabularySize: 120
tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 }
${further}
`;

/** The shape of a tiny vision-language model. An image has eight tokens. */
export const SEEING_SHAPE = {
  architecture: "encoder-decoder",
  width: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  feedForward: 48,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 24,
  maxTarget: 8,
  vocabularySize: 98,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  vision: {
    tower: {
      image: { resize: { kind: "fit", height: 16, width: 32 } },
      patch: { height: 8, width: 8 },
      width: 32,
      layers: 1,
      heads: 2,
      feedForward: 64,
    },
  },
};
