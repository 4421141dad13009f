/** The shape of a tiny model, for `slm model init`. */

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
