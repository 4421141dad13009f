/** Quantization schemes: the portable form, or the weight format of each graph and whether activations are quantized too. */
import { SlmError } from "@slm/core/errors";
import { isFewBits, WEIGHT_SCHEMES, type SchemeName, type WeightFormats } from "@slm/devices";
import { INTEGER_TYPES, type IntegerType } from "../static/integer-types.js";

/** The int8 form of the export, which runs in WebAssembly and C. There are no graphs. */
interface PortableScheme {
  readonly kind: "portable";
  readonly description: string;
}

/** Only weights are quantized. Activations stay float32 or are quantized at run time. */
interface WeightScheme extends WeightFormats {
  readonly kind: "weights";
  readonly description: string;
}

/** Weights and activations are quantized, with ranges calibrated on real data. */
export interface StaticScheme {
  readonly kind: "static";
  readonly description: string;
  readonly activations: IntegerType;
  readonly weights: IntegerType;
}

/** A scheme that quantizes graphs. */
export type GraphScheme = WeightScheme | StaticScheme;

export type Scheme = PortableScheme | GraphScheme;

/** One row per scheme of the device table. */
export const schemes = {
  int8: {
    kind: "portable",
    description:
      "int8 weights, int16 activations quantized at run time; runs in WebAssembly and C, without graphs",
  },
  cpu: {
    kind: "weights",
    description: "int8-dynamic encoder and vision, int4-block decoder",
    ...WEIGHT_SCHEMES.cpu,
  },
  "int8-dynamic": {
    kind: "weights",
    description: "int8 weights, one scale per output; activations quantized at run time",
    ...WEIGHT_SCHEMES["int8-dynamic"],
  },
  "int8-block": {
    kind: "weights",
    description: "8-bit weights, one scale per block of inputs",
    ...WEIGHT_SCHEMES["int8-block"],
  },
  "int4-block": {
    kind: "weights",
    description: "4-bit weights, one scale per block of inputs",
    ...WEIGHT_SCHEMES["int4-block"],
  },
  "int2-block": {
    kind: "weights",
    description: "2-bit weights, one scale per block of inputs; embedding in 8 bits",
    ...WEIGHT_SCHEMES["int2-block"],
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

/** @throws SlmError OP_UNSUPPORTED for the portable scheme, which has no graphs */
export function graphScheme(name: SchemeName): GraphScheme {
  const scheme: Scheme = schemes[name];
  if (scheme.kind !== "portable") return scheme;
  throw new SlmError("OP_UNSUPPORTED", `quantize: scheme ${name} has no graphs`, {
    suggestions: ["--scheme cpu", "--scheme int8-dynamic"],
  });
}

/** Whether a scheme needs calibration data for the ranges of activations. */
export const isStatic = (name: SchemeName): boolean => schemes[name].kind === "static";

/** Whether a scheme has weights of 4 or 2 bits, to which `method` applies. */
export function hasFewBits(name: SchemeName): boolean {
  const scheme: Scheme = schemes[name];
  if (scheme.kind === "portable") return false;
  return scheme.kind === "static"
    ? INTEGER_TYPES[scheme.weights].bits === 4
    : [scheme.vision, scheme.encoder, scheme.chunk, scheme.decoder].some(isFewBits);
}

/** Whether a scheme uses calibration data: static schemes need them, weights of few bits benefit from them. */
export const learnsFromData = (name: SchemeName): boolean => isStatic(name) || hasFewBits(name);
