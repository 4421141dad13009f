/** Quantization schemes: which weight format each graph of a model gets, and whether activations are quantized too. */
import type { SchemeName } from "@slm/devices";
import { INTEGER_TYPES, type IntegerType } from "../static/integer-types.js";
import { isFewBits, type WeightFormat } from "../rewrite/weight-format.js";

/** Only weights are quantized. Activations stay float32 or are quantized at run time. */
interface WeightScheme {
  readonly kind: "weights";
  readonly description: string;
  /** For vision-language models. */
  readonly vision: WeightFormat;
  /** Includes the projections of the cross-attention keys and values, which the encoder computes. */
  readonly encoder: WeightFormat;
  /** The decoder for several tokens. */
  readonly chunk: WeightFormat;
  readonly decoder: WeightFormat;
}

/** Weights and activations are quantized, with ranges calibrated on real data. */
export interface StaticScheme {
  readonly kind: "static";
  readonly description: string;
  readonly activations: IntegerType;
  readonly weights: IntegerType;
}

export type Scheme = WeightScheme | StaticScheme;

/**
 * One row per scheme of the device table. `cpu` mixes formats. The encoder and the vision graph multiply many tokens at once, for which
 * int8 arithmetic is fastest. The decoder reads every weight for one token, for which fewer bytes are fastest.
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
    description: "int8 weights, one scale per output; activations quantized at run time",
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
  "int2-block": {
    kind: "weights",
    description: "2-bit weights, one scale per block of inputs; embedding in 8 bits",
    vision: "int2-block",
    encoder: "int2-block",
    chunk: "int2-block",
    decoder: "int2-block",
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

/** Whether a scheme needs calibration data for the ranges of activations. */
export const isStatic = (name: SchemeName): boolean => schemes[name].kind === "static";

/** Whether a scheme has weights of 4 or 2 bits, to which `method` applies. */
export function hasFewBits(name: SchemeName): boolean {
  const scheme: Scheme = schemes[name];
  return scheme.kind === "static"
    ? INTEGER_TYPES[scheme.weights].bits === 4
    : [scheme.vision, scheme.encoder, scheme.chunk, scheme.decoder].some(isFewBits);
}

/** Whether a scheme uses calibration data: static schemes need them, weights of few bits benefit from them. */
export const learnsFromData = (name: SchemeName): boolean => isStatic(name) || hasFewBits(name);
