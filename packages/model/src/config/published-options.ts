/** Options of published encoder-decoder families (T5, BART, Marian and their relatives). Defaults are those of slm's own models. */
import { SlmError } from "@slm/core";
import { z } from "zod";

const size = z
  .int()
  .positive()
  .max(1 << 20);

/** How a model knows the order of its tokens. */
const positions = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("relative-bias"),
    buckets: z.int().min(4).max(65_536).describe("Rows of the bias table, one per bucket of distances."),
    maxDistance: size.describe("Distances from here on share one bucket [tokens]."),
    perLayer: z
      .boolean()
      .optional()
      .describe(
        "Use a table for every layer. Default: one for all layers of the encoder, one for the decoder.",
      ),
  }),
  z.strictObject({ kind: z.literal("learned") }),
  z.strictObject({
    kind: z.literal("sinusoidal"),
    spacing: z
      .enum(["half", "half-minus-one"])
      .describe("Frequencies 10000^(-i / n), where n is half of the width, or one less."),
    first: z.int().nonnegative().max(1 << 20).describe("Number of the first position."), // prettier-ignore
  }),
]);

const place = z.enum(["before-positions", "after-positions"]);

export const publishedOptions = {
  positions: positions
    .optional()
    .describe(
      "relative-bias: added to self-attention scores (T5). learned: a table added to embedded tokens. sinusoidal: the same table, " +
        "initialized with sines and cosines. Default: rotary positions (ropeTheta).",
    ),
  norm: z.enum(["rms", "layer"]).optional().describe("RMSNorm, or layer norm with a bias. Default: rms."),
  normPlacement: z
    .enum(["pre", "post"])
    .optional()
    .describe(
      "pre: norms at the start of branches and one at the end; post: after each residual sum. Default: pre.",
    ),
  embeddingNorm: z
    .strictObject({
      encoder: place,
      decoder: place,
      decoderEpsilon: z
        .number()
        .positive()
        .optional()
        .describe("normEpsilon of the decoder. Default: normEpsilon."),
    })
    .optional()
    .describe("Normalize embedded tokens before or after positions are added. Default: no norm."),
  headBias: z.boolean().optional().describe("Add a bias to the output head. Default: false."),
  decoderFeedForward: size
    .optional()
    .describe("Inner width of the decoder's feed-forward blocks [elements]. Default: feedForward."),
  encoderHeads: z
    .strictObject({ heads: size, kvHeads: size, headDim: size })
    .optional()
    .describe(
      "Heads of the encoder's self-attention. Default: heads, kvHeads and headDim, as in the decoder.",
    ),
  encoderWidth: size
    .optional()
    .describe(
      "Width of the encoder [elements]; needs sourceVocabularySize, because tables of different widths cannot be shared. Default: width.",
    ),
  sourceVocabularySize: size
    .optional()
    .describe("Source tokens, which then have their own embedding table. Default: share the target's table."),
} as const;

type PublishedOptions = z.infer<z.ZodObject<typeof publishedOptions>>;

/** @throws SlmError CONFIG_INVALID for options that exclude each other. */
export function checkPublishedOptions(
  {
    positions: kind,
    ...config
  }: PublishedOptions & {
    readonly localRope?: object | undefined;
    readonly mergedAttention?: boolean | undefined;
    readonly width: number;
  },
  where: string,
): void {
  const reject = (message: string): never => {
    throw new SlmError("CONFIG_INVALID", `${where}: ${message}`);
  };
  if (kind !== undefined && config.localRope !== undefined)
    reject("localRope needs rotary positions: remove positions");
  const { encoderWidth = config.width } = config;
  if (encoderWidth !== config.width && config.sourceVocabularySize === undefined)
    reject(
      `encoderWidth ${encoderWidth} differs from width ${config.width}, which needs sourceVocabularySize: a separate embedding table for the encoder`,
    );
  if (encoderWidth !== config.width && config.mergedAttention === true)
    reject("mergedAttention reads target and source with the same weights: remove encoderWidth");
  if (kind?.kind === "relative-bias" && kind.maxDistance <= Math.floor(kind.buckets / 2))
    reject(
      `positions.maxDistance should be above ${Math.floor(kind.buckets / 2)}, half of the buckets, got ${kind.maxDistance}`,
    );
}
