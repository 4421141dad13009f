/**
 * Schemes that quantize only weights: the format of each weight, by the graph that reads it. Quantization stores weights in these formats, and
 * quantization-aware training rounds to them.
 */
import type { SchemeName } from "./device-row.js";

/** How a weight is stored. `float32` does not change it. */
export type WeightFormat = "float32" | "int8-dynamic" | "int8-block" | "int4-block" | "int2-block";

/** Formats of embedding tables. 2 bits lose too much, because every token and every logit depend on the table. */
export const TABLE_FORMATS = [
  "float32",
  "int8-dynamic",
  "int8-block",
  "int4-block",
] as const satisfies readonly WeightFormat[];
export type TableFormat = (typeof TABLE_FORMATS)[number];

/** Whether a format has so few bits that the rounding method matters. */
export const isFewBits = (format: WeightFormat): boolean =>
  format === "int4-block" || format === "int2-block";

/**
 * Format of an embedding table, possibly tied to the output head, in a graph whose other weights have `format`: 8 bits instead of 4 or 2. Every
 * token and every logit depends on the table, and its share of the size is small: a tenth in a model of 330 million parameters.
 */
export const tableFormat = <Format extends WeightFormat>(format: Format): Format | "int8-block" =>
  isFewBits(format) ? "int8-block" : format;

export interface WeightFormats {
  /** For vision-language models. */
  readonly vision: WeightFormat;
  /** Includes the projections of the cross-attention keys and values, which the encoder computes. */
  readonly encoder: WeightFormat;
  /** The decoder for several tokens. */
  readonly chunk: WeightFormat;
  readonly decoder: WeightFormat;
}

const everywhere = <Format extends WeightFormat>(
  format: Format,
): Readonly<Record<keyof WeightFormats, Format>> => ({
  vision: format,
  encoder: format,
  chunk: format,
  decoder: format,
});

/**
 * `cpu` mixes formats. The encoder and the vision graph multiply many tokens at once, for which int8 arithmetic is fastest. The decoder reads
 * every weight for one token, for which fewer bytes are fastest.
 */
export const WEIGHT_SCHEMES = {
  cpu: { vision: "int8-dynamic", encoder: "int8-dynamic", chunk: "int4-block", decoder: "int4-block" },
  "int8-dynamic": everywhere("int8-dynamic"),
  "int8-block": everywhere("int8-block"),
  "int4-block": everywhere("int4-block"),
  "int2-block": everywhere("int2-block"),
} as const satisfies Partial<Record<SchemeName, WeightFormats>>;
