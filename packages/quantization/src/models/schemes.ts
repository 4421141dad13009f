/** Quantization schemes: which weight format each graph of a model gets, and whether activations are quantized too. */
import type { SchemeName } from "@slm/devices";
import { INTEGER_TYPES, type IntegerType } from "../static/integer-types.js";
import type { WeightFormat } from "../rewrite/weight-format.js";

/** Weights alone are quantized; activations stay float32 or are quantized as the model runs. */
interface WeightScheme {
  readonly kind: "weights";
  readonly description: string;
  /** Of vision-language models. */
  readonly vision: WeightFormat;
  /** The encoder computes the cross-attention keys and values too: those projections are its weights. */
  readonly encoder: WeightFormat;
  /** The decoder over several tokens. */
  readonly chunk: WeightFormat;
  readonly decoder: WeightFormat;
}

/** Weights and activations are quantized with ranges found beforehand, on real data. */
export interface StaticScheme {
  readonly kind: "static";
  readonly description: string;
  readonly activations: IntegerType;
  readonly weights: IntegerType;
}

export type Scheme = WeightScheme | StaticScheme;

/**
 * One row per scheme of the table of devices. `cpu` mixes formats by what limits each graph: the encoder, and what sees images, multiply many tokens
 * at once, where int8 arithmetic is fastest; the decoder reads every weight for one token, where fewer bytes are.
 */
export const schemes = {
  cpu: {
    kind: "weights",
    description: "int8-dynamic encoder and vision, int4-block decoder",
    vision: "int8-dynamic",
    encoder: "int8-dynamic",
    chunk: "int4-block",
    decoder: "int4-block",
  },
  "int8-dynamic": {
    kind: "weights",
    description: "int8 weights, one scale per output; activations quantized as the model runs",
    vision: "int8-dynamic",
    encoder: "int8-dynamic",
    chunk: "int8-dynamic",
    decoder: "int8-dynamic",
  },
  "int8-block": {
    kind: "weights",
    description: "8-bit weights, one scale per block of inputs",
    vision: "int8-block",
    encoder: "int8-block",
    chunk: "int8-block",
    decoder: "int8-block",
  },
  "int4-block": {
    kind: "weights",
    description: "4-bit weights, one scale per block of inputs",
    vision: "int4-block",
    encoder: "int4-block",
    chunk: "int4-block",
    decoder: "int4-block",
  },
  "int8-qdq": {
    kind: "static",
    description:
      "int8 activations with calibrated ranges, int8 weights, as QuantizeLinear and DequantizeLinear",
    activations: "int8",
    weights: "int8",
  },
  a8w8: {
    kind: "static",
    description: "uint8 activations with calibrated ranges, int8 weights",
    activations: "uint8",
    weights: "int8",
  },
  a16w8: {
    kind: "static",
    description: "uint16 activations with calibrated ranges, int8 weights",
    activations: "uint16",
    weights: "int8",
  },
  a16w4: {
    kind: "static",
    description: "uint16 activations with calibrated ranges, int4 weights",
    activations: "uint16",
    weights: "int4",
  },
} as const satisfies { readonly [Name in SchemeName]: Scheme };

/** Whether a scheme needs calibration data to choose the ranges of activations. */
export const isStatic = (name: SchemeName): boolean => schemes[name].kind === "static";

/** Whether some weights of a scheme have 4 bits, whose codes `method` chooses. */
export function hasFourBits(name: SchemeName): boolean {
  const scheme: Scheme = schemes[name];
  return scheme.kind === "static"
    ? INTEGER_TYPES[scheme.weights].bits === 4
    : [scheme.vision, scheme.encoder, scheme.chunk, scheme.decoder].includes("int4-block");
}

/** Whether calibration data make a scheme better: static ones need them, 4-bit weights profit from them. */
export const learnsFromData = (name: SchemeName): boolean => isStatic(name) || hasFourBits(name);
