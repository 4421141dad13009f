/**
 * The text part of T5Gemma 2: two stacks of Gemma 3 layers, with one attention in the decoder for the target and the source.
 *
 * Norm gains are stored minus one, including those of heads. The factor on scores is folded into the gain of query heads. The factor on embedded
 * tokens is folded into the embedding table, and its inverse into the norm before the head. The vision tower and the embedding of the token
 * after an image are not imported. `attn_logit_softcapping` is ignored, because the library never applies it.
 *
 * Source: transformers 5.24, modeling_t5gemma2.py and configuration_t5gemma2.py.
 */
import { parseModelConfig, type EncoderDecoderConfig } from "@slm/model";
import { z } from "zod";
import {
  checkCommon,
  checkLayerTypes,
  COMMON,
  gainShift,
  LAYER_PARTS,
  layerTypes,
  positive,
  queryFactor,
  stackKeys,
  stacksShape,
  stacksTokens,
} from "./gemma-stacks.js";
import {
  checkLayers,
  parsePublished,
  renamed,
  size,
  tokenKeys,
  type NamesOf,
  type ReadPublished,
} from "./published-model.js";

const rotation = z.looseObject({ rope_type: z.literal("default"), rope_theta: positive });

const stack = z.looseObject({
  ...stackKeys,
  sliding_window: size,
  layer_types: layerTypes,
  hidden_activation: z.string(),
  rms_norm_eps: positive,
  rope_parameters: z.looseObject({ full_attention: rotation, sliding_attention: rotation }),
  attention_bias: z.literal(false),
});

const schema = z.looseObject({
  encoder: z.looseObject({ text_config: stack }),
  decoder: stack,
  tie_word_embeddings: z.literal(true).nullish(),
  ...tokenKeys,
});

type Stack = z.infer<typeof stack>;

/** Keys that must be equal in both stacks, in addition to those of all such models. */
const ALIKE = ["hidden_size", "vocab_size", "sliding_window", "rope_parameters"] as const;

export const t5gemma2: ReadPublished = (external, options) => {
  const { where } = external;
  const source = parsePublished(schema, external);
  const { decoder } = source;
  const encoder = source.encoder.text_config;
  checkCommon({ encoder, decoder }, [...COMMON, ...ALIKE], where);
  for (const { layer_types: types, num_hidden_layers: count } of [encoder, decoder])
    checkLayerTypes(types, count, where);
  checkLayers(external, Math.max(encoder.num_hidden_layers, decoder.num_hidden_layers));
  const config = parseModelConfig(
    {
      ...stacksShape({ encoder, decoder }, options, where),
      bias: false,
      qkNorm: true,
      mergedAttention: true,
      ...slidingLayers(encoder, decoder),
      vocabularySize: decoder.vocab_size,
      tokens: options.tokens ?? stacksTokens(source, decoder),
    },
    `${where}: config.json`,
  ) as EncoderDecoderConfig;
  const query = { encoder: queryFactor(encoder), decoder: queryFactor(decoder) };
  const embedding = Math.sqrt(decoder.hidden_size);
  const factors: Readonly<Record<string, number>> = {
    "embedding.weight": embedding,
    "decoder.norm.weight": 1 / embedding,
  };
  return {
    config,
    namesOf,
    scaleOf: (parameter) => {
      if (!parameter.endsWith(".queryNorm.weight")) return factors[parameter] ?? 1;
      return parameter.startsWith("encoder.") ? query.encoder : query.decoder;
    },
    shiftOf: gainShift,
    isIgnored: (name) => UNUSED.test(name),
  };
};

/** The vision part, the image end token, and other names of the embedding table. */
const UNUSED =
  /^(?:model\.encoder\.(?:vision_tower|multi_modal_projector)\..*|.*\.embed_tokens\.(?:eoi_embedding|weight)|lm_head\.out_proj\.weight)$/;

/** Windows, and the rotation of layers with a window. The encoder splits the window between both sides. */
function slidingLayers(
  encoder: Stack,
  decoder: Stack,
): Pick<EncoderDecoderConfig, "ropeTheta" | "localRope" | "slidingWindow"> {
  const { full_attention: full, sliding_attention: local } = decoder.rope_parameters;
  const ropeTheta = full.rope_theta;
  const sliding = ({ layer_types: types }: Stack): number[] =>
    types.flatMap((type, layer) => (type === "sliding_attention" ? [layer] : []));
  const layers = { encoderLayers: sliding(encoder), decoderLayers: sliding(decoder) };
  if (layers.encoderLayers.length + layers.decoderLayers.length === 0) return { ropeTheta };
  const window = decoder.sliding_window;
  return {
    ropeTheta,
    localRope: { ropeTheta: local.rope_theta, ...layers },
    slidingWindow: {
      window,
      ...layers,
      encoder: { before: Math.floor((window + 1) / 2), after: Math.floor(window / 2) },
    },
  };
}

const TABLES = [
  "model.encoder.embed_tokens.weight",
  "model.decoder.embed_tokens.weight",
  "lm_head.out_proj.weight",
];

const PARTS = [[/^(?=(?:en|de)coder\.)/, "model."], ...LAYER_PARTS] as const;

const namesOf: NamesOf = (parameter) =>
  parameter === "embedding.weight" ? TABLES : [renamed(parameter, PARTS)];
