/** Model configurations, as stored in a checkpoint's config.json. */
import { z } from "zod";
import { ACTIVATION_NAMES } from "./activations.js";
import { publishedOptions } from "./published-options.js";
import { visionConfig } from "./vision-config.js";

const tokens = z.strictObject({
  pad: z.int().nonnegative(),
  bos: z.int().nonnegative(),
  eos: z.int().nonnegative(),
  unknown: z.int().nonnegative(),
});

/** Largest size on any axis: far above any model that slm is for, far below the size at which one tensor would exhaust memory. */
const MAX_SIZE = 1 << 20;
const size = z.int().positive().max(MAX_SIZE);
const positive = z.number().positive();
const frequencies = z.array(z.number().nonnegative()).min(1).max(MAX_SIZE);

/** Options of both architectures; the `student` or `model` section of a recipe. */
const sharedShape = {
  width: size.describe("Model width [elements]."),
  heads: size.describe("Query heads per attention."),
  kvHeads: size.describe("Key/value heads per attention; must divide heads."),
  headDim: size.describe("Elements per head; heads x headDim may differ from width."),
  feedForward: size.describe("Inner width of the feed-forward block [elements]."),
  decoderLayers: size.describe("Decoder layers."),
  maxSource: size.describe("Longest source [tokens]."),
  maxTarget: size.describe("Longest target, including BOS and EOS [tokens]."),
  ropeTheta: z.number().positive().default(10_000).describe("Base of the rotary position embedding (RoPE)."),
  normEpsilon: z.number().positive().default(1e-6).describe("Added to the mean square in RMSNorm."),
  bias: z
    .union([z.boolean(), z.enum(["attention", "query-key-value"])])
    .default(true)
    .describe("Linear layers with biases: all, none, attention's, or only query, key and value."),
  headOrder: z
    .enum(["grouped", "modulo"])
    .default("grouped")
    .describe("Query head h reads KV head h div group (grouped) or h mod kvHeads (modulo)."),
  // The following keys have no schema default, so that a configuration without them is written back unchanged.
  activation: z
    .enum(ACTIVATION_NAMES)
    .optional()
    .describe(
      "Feed-forward block: down(f(up(x))) with f gelu (tanh approximation), erf-gelu (exact), quick-gelu (x · sigmoid(1.702 x)), relu or silu; " +
        "or gated, down(f(gate(x)) · up(x)), with f silu (swiglu), gelu (geglu), erf-gelu (erf-geglu), quick-gelu (quick-geglu) or relu (reglu). Default: gelu.",
    ),
  qkNorm: z
    .boolean()
    .optional()
    .describe("Apply RMSNorm to every query and key head of self-attention before rotation. Default: false."),
  postNorm: z
    .boolean()
    .optional()
    .describe("Apply RMSNorm at the end of every residual branch, before the addition. Default: false."),
  tieWordEmbeddings: z
    .boolean()
    .optional()
    .describe("Use the embedding table as the output head; false: a separate matrix. Default: true."),
  logitSoftcap: positive
    .optional()
    .describe("Logits are softcap · tanh(logits / softcap). Default: no softcap."),
};

const ropeInverseFrequencies = frequencies
  .optional()
  .describe(
    "Angle per position of every pair in a head [radians], headDim / 2 numbers. Default: ropeTheta^(-2i / headDim).",
  );

const attentionSoftcap = positive
  .optional()
  .describe("Attention scores are softcap · tanh(scores / softcap). Default: no softcap.");

/** More attention options of decoder-only models. */
const decoderOnlyAttention = {
  ropeInverseFrequencies,
  attentionSoftcap,
  slidingWindow: z
    .strictObject({
      window: size.describe("Positions in the window, including the current one [tokens]."),
      layers: z.array(z.int().nonnegative()).min(1).describe("Layers with the window, counted from 0."),
      ropeTheta: positive.optional().describe("RoPE base of these layers. Default: ropeTheta of the model."),
    })
    .optional()
    .describe("Layers that attend to a sliding window. Default: every layer attends to all positions."),
};

const layerList = (of: string): z.ZodArray<z.ZodInt> =>
  z.array(z.int().nonnegative()).max(MAX_SIZE).describe(`${of} with this option, counted from 0.`);

/** More attention options of encoder-decoders, which students of decoder-only teachers need. */
const encoderDecoderAttention = {
  ropeInverseFrequencies,
  localRope: z
    .strictObject({
      ropeTheta: positive.describe("RoPE base of these layers."),
      encoderLayers: layerList("Encoder layers"),
      decoderLayers: layerList("Decoder layers"),
    })
    .optional()
    .describe("Layers with their own RoPE base, such as Gemma 3's local layers. Default: no layer."),
  attentionSoftcap,
  slidingWindow: z
    .strictObject({
      window: size.describe(
        "Positions in the window, including the current one; the encoder also attends to as many after it [tokens].",
      ),
      encoderLayers: layerList("Encoder layers"),
      decoderLayers: layerList("Decoder layers"),
      encoder: z
        .strictObject({
          before: size.describe("Positions up to and including the current one [tokens]."),
          after: z.int().nonnegative().max(MAX_SIZE).describe("Positions after the current one [tokens]."),
        })
        .optional()
        .describe("Window of the encoder layers, if it differs. Default: window, on both sides."),
    })
    .optional()
    .describe(
      "Layers whose self-attention has a sliding window. Default: every layer attends to all positions.",
    ),
  crossQkNorm: z
    .boolean()
    .optional()
    .describe("Apply RMSNorm to every query and key head of cross-attention. Default: false."),
  mergedAttention: z
    .boolean()
    .optional()
    .describe(
      "Use one attention in the decoder for the target so far and the source: self-attention's weights read both, with one softmax, and the " +
        "keys of the source are not rotated. Default: false (separate cross-attention).",
    ),
  encoderPooling: z
    .strictObject({
      afterLayers: z
        .array(size)
        .min(1)
        .max(8)
        .describe(
          "Pool tokens after these encoder layers, in ascending order: [2, 4] pools after the second and the fourth.",
        ),
      group: z
        .int()
        .min(2)
        .max(8)
        .default(2)
        .describe("Number of adjacent tokens that are replaced with their mean [tokens]."),
    })
    .optional()
    .describe(
      "Pooling between encoder layers: later layers and the decoder read half of the positions, or fewer (Funnel-Transformer, " +
        "arXiv:2006.03236). Default: none.",
    ),
  decoderRecurrence: z
    .enum(["ssru"])
    .optional()
    .describe(
      "What decoder layers use to read the target so far. ssru: a moving average of every element, with a rate that depends on " +
        "the token (Marian's SSRU cell). Default: self-attention.",
    ),
};

export const encoderDecoderShape = z.strictObject({
  architecture: z.literal("encoder-decoder").default("encoder-decoder"),
  encoderLayers: size.describe("Encoder layers."),
  ...sharedShape,
  ...encoderDecoderAttention,
  ...publishedOptions,
  vision: visionConfig
    .optional()
    .describe(
      "Vision: the model reads an image, and its tokens come before the tokens of the source. Default: text only.",
    ),
});

export const decoderOnlyShape = z.strictObject({
  architecture: z.literal("decoder-only").default("decoder-only"),
  ...sharedShape,
  ...decoderOnlyAttention,
});

const fromTokenizer = { vocabularySize: size, tokens };

export const encoderDecoderConfig = encoderDecoderShape.extend(fromTokenizer);
export const decoderOnlyConfig = decoderOnlyShape.extend(fromTokenizer);

export type EncoderDecoderConfig = z.infer<typeof encoderDecoderConfig>;
export type DecoderOnlyConfig = z.infer<typeof decoderOnlyConfig>;
export type ModelConfig = EncoderDecoderConfig | DecoderOnlyConfig;
