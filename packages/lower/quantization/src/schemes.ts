/** Which weight format each graph of a model gets. */

/** How the weights of one graph are stored. */
export type WeightFormat = "int8-dynamic" | "int4-block";

export interface Scheme {
  readonly description: string;
  /** The encoder computes the cross-attention keys and values too: those projections are its weights. */
  readonly encoder: WeightFormat;
  readonly decoder: WeightFormat;
}

/**
 * One row per scheme. `cpu` mixes them by what limits each graph: the encoder multiplies many tokens at once, where
 * int8 arithmetic is fastest; the decoder reads every weight for one token, where fewer bytes are.
 */
export const schemes = {
  "int8-dynamic": {
    description: "int8 weights, one scale per output; activations quantized as the model runs",
    encoder: "int8-dynamic",
    decoder: "int8-dynamic",
  },
  "int4-block": {
    description: "4-bit weights, one scale per block of inputs",
    encoder: "int4-block",
    decoder: "int4-block",
  },
  cpu: {
    description: "int8-dynamic encoder, int4-block decoder",
    encoder: "int8-dynamic",
    decoder: "int4-block",
  },
} as const satisfies Readonly<Record<string, Scheme>>;

export type SchemeName = keyof typeof schemes;

export const SCHEME_NAMES = ["cpu", "int8-dynamic", "int4-block"] as const satisfies readonly SchemeName[];
