/** Options of encoder-decoders that published families have: T5, BART, Marian and their relatives. Absent, each is as in a model of ours. */
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
    buckets: z.int().min(4).max(65_536).describe("Rows of the table of biases, one per bucket of distances."),
    maxDistance: size.describe("Distances from here on share one bucket [tokens]."),
    perLayer: z
      .boolean()
      .optional()
      .describe("A table for every layer; default: one for all layers of the encoder, one for the decoder."),
  }),
  z.strictObject({ kind: z.literal("learned") }),
  z.strictObject({
    kind: z.literal("sinusoidal"),
    spacing: z
      .enum(["half", "half-minus-one"])
      .describe("Frequencies 10000^(-i / n): n is half of the width, or one less."),
    first: z.int().nonnegative().max(1 << 20).describe("Number of the first position."), // prettier-ignore
  }),
]);

const place = z.enum(["before-positions", "after-positions"]);

export const publishedOptions = {
  positions: positions
    .optional()
    .describe(
      "relative-bias: added to scores of self-attention (T5). learned: a table added to embedded tokens. sinusoidal: the same, " +
        "of sines and cosines until it is trained. Default: rotary positions (ropeTheta).",
    ),
  norm: z.enum(["rms", "layer"]).optional().describe("RMSNorm, or layer norm with a bias. Default: rms."),
  normPlacement: z
    .enum(["pre", "post"])
    .optional()
    .describe(
      "pre: norms at the beginning of branches and one at the end; post: after each residual sum. Default: pre.",
    ),
  embeddingNorm: z
    .strictObject({
      encoder: place,
      decoder: place,
      decoderEpsilon: z
        .number()
        .positive()
        .optional()
        .describe("Epsilon of the decoder's. Default: normEpsilon."),
    })
    .optional()
    .describe("A norm of embedded tokens, before or after positions are added. Default: none."),
  headBias: z.boolean().optional().describe("Whether the output head has a bias. Default: false."),
  decoderFeedForward: size
    .optional()
    .describe("Inner width of the decoder's feed-forward blocks [elements]. Default: feedForward."),
  encoderHeads: z
    .strictObject({ heads: size, kvHeads: size, headDim: size })
    .optional()
    .describe(
      "Heads of the encoder's self-attention. Default: heads, kvHeads and headDim, as the decoder has.",
    ),
  encoderWidth: size
    .optional()
    .describe(
      "Width of the encoder [elements]; needs sourceVocabularySize, as tables of both widths are two. Default: width.",
    ),
  sourceVocabularySize: size
    .optional()
    .describe("Tokens of the source, embedded by a table of their own. Default: the target's table."),
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
    reject("localRope needs rotary positions, so no other positions");
  const { encoderWidth = config.width } = config;
  if (encoderWidth !== config.width && config.sourceVocabularySize === undefined)
    reject(
      `encoderWidth ${encoderWidth} other than width ${config.width} needs sourceVocabularySize: a table of tokens for the encoder`,
    );
  if (encoderWidth !== config.width && config.mergedAttention === true)
    reject("mergedAttention reads target and source with the same weights, so no encoderWidth");
  if (kind?.kind === "relative-bias" && kind.maxDistance <= Math.floor(kind.buckets / 2))
    reject(
      `positions.maxDistance should be above ${Math.floor(kind.buckets / 2)}, half of the buckets, got ${kind.maxDistance}`,
    );
}
