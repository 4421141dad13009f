/**
 * T5Gemma 2, its text part: two stacks of Gemma 3 layers, whose decoder has one attention over the target and the source.
 *
 * Norm gains are stored minus one, those of heads too. The factor on scores is folded into the gain of query heads, that on embedded tokens
 * into the one table, and its inverse into the norm before the head. The vision tower is left out, and with it the embedding of the token
 * that ends an image. `attn_logit_softcapping` is left out, too: the library never applies it.
 *
 * Source: transformers 5.24, modeling_t5gemma2.py and configuration_t5gemma2.py.
 */
import { parseModelConfig, type ActivationName, type EncoderDecoderConfig } from "@slm/model";
import { SlmError } from "@slm/core";
import { z } from "zod";
import {
  checkLayers,
  parsePublished,
  publishedLengths,
  publishedTokens,
  renamed,
  rowOf,
  size,
  tokenKeys,
  type NamesOf,
  type ReadPublished,
} from "./published-model.js";

const positive = z.number().positive();
const layerType = z.enum(["sliding_attention", "full_attention"]);
const rotation = z.looseObject({ rope_type: z.literal("default"), rope_theta: positive });

const stack = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  query_pre_attn_scalar: positive,
  sliding_window: size,
  layer_types: z.array(layerType),
  max_position_embeddings: size,
  hidden_activation: z.string(),
  rms_norm_eps: positive,
  rope_parameters: z.looseObject({ full_attention: rotation, sliding_attention: rotation }),
  attention_bias: z.literal(false),
  final_logit_softcapping: positive.nullish(),
  ...tokenKeys,
});

const schema = z.looseObject({
  encoder: z.looseObject({ text_config: stack }),
  decoder: stack,
  tie_word_embeddings: z.literal(true).nullish(),
  ...tokenKeys,
});

type Stack = z.infer<typeof stack>;

/** What both stacks must have in common here. */
const COMMON = [
  "vocab_size",
  "hidden_size",
  "num_attention_heads",
  "num_key_value_heads",
  "head_dim",
  "query_pre_attn_scalar",
  "sliding_window",
  "hidden_activation",
  "rms_norm_eps",
] as const satisfies readonly (keyof Stack)[];

const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  gelu_pytorch_tanh: "geglu",
  silu: "swiglu",
};

export const t5gemma2: ReadPublished = (external, options) => {
  const { where } = external;
  const source = parsePublished(schema, external);
  const { decoder } = source;
  const encoder = source.encoder.text_config;
  checkStacks(encoder, decoder, where);
  checkLayers(external, Math.max(encoder.num_hidden_layers, decoder.num_hidden_layers));
  const positions = Math.min(encoder.max_position_embeddings, decoder.max_position_embeddings);
  const config = parseModelConfig(
    {
      architecture: "encoder-decoder",
      width: decoder.hidden_size,
      heads: decoder.num_attention_heads,
      kvHeads: decoder.num_key_value_heads,
      headDim: decoder.head_dim,
      feedForward: encoder.intermediate_size,
      decoderFeedForward:
        decoder.intermediate_size === encoder.intermediate_size ? undefined : decoder.intermediate_size,
      encoderLayers: encoder.num_hidden_layers,
      decoderLayers: decoder.num_hidden_layers,
      ...publishedLengths(options, positions, where),
      normEpsilon: decoder.rms_norm_eps,
      bias: false,
      activation: rowOf(ACTIVATIONS, { key: "hidden_activation", value: decoder.hidden_activation, where }),
      postNorm: true,
      qkNorm: true,
      mergedAttention: true,
      logitSoftcap: decoder.final_logit_softcapping ?? undefined,
      ...slidingLayers(encoder, decoder),
      vocabularySize: decoder.vocab_size,
      tokens: options.tokens ?? tokensOf(source),
    },
    `${where}: config.json`,
  ) as EncoderDecoderConfig;
  const query = Math.sqrt(decoder.head_dim / decoder.query_pre_attn_scalar);
  const embedding = Math.sqrt(decoder.hidden_size);
  const factors: Readonly<Record<string, number>> = {
    "embedding.weight": embedding,
    "decoder.norm.weight": 1 / embedding,
  };
  return {
    config,
    namesOf,
    scaleOf: (parameter) => (parameter.endsWith(".queryNorm.weight") ? query : (factors[parameter] ?? 1)),
    shiftOf: (parameter) => (/norm\.weight$/i.test(parameter) ? 1 : 0),
    isIgnored: (name) => UNUSED.test(name),
  };
};

/** The vision part, ends of images, and further names of the one table. */
const UNUSED =
  /^(?:model\.encoder\.(?:vision_tower|multi_modal_projector)\..*|.*\.embed_tokens\.(?:eoi_embedding|weight)|lm_head\.out_proj\.weight)$/;

/** @throws SlmError CONFIG_INVALID naming what differs between the stacks, or a list of the wrong length */
function checkStacks(encoder: Stack, decoder: Stack, where: string): void {
  const key = COMMON.find((name) => encoder[name] !== decoder[name]);
  const isSameRotation = JSON.stringify(encoder.rope_parameters) === JSON.stringify(decoder.rope_parameters);
  const different = key ?? (isSameRotation ? undefined : "rope_parameters");
  if (different !== undefined)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: config.json: ${different} of the encoder other than of the decoder is not imported`,
      { context: { key: different } },
    );
  for (const { layer_types: types, num_hidden_layers: count } of [encoder, decoder]) {
    if (types.length === count) continue;
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: config.json: layer_types has ${types.length} entries for ${count} layers`,
    );
  }
}

/** Windows, and rotations that layers with a window have of their own. The encoder divides the window between both sides. */
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

function tokensOf({ decoder, ...source }: z.infer<typeof schema>): EncoderDecoderConfig["tokens"] {
  const of = (key: keyof typeof tokenKeys): Stack[typeof key] => source[key] ?? decoder[key];
  const start = of("decoder_start_token_id") ?? of("bos_token_id");
  return publishedTokens(
    {
      pad_token_id: source.pad_token_id ?? decoder.pad_token_id,
      eos_token_id: of("eos_token_id"),
      decoder_start_token_id: typeof start === "number" ? start : undefined,
    },
    { pad: 0, eos: 1, start: 2 },
  );
}

const TABLES = [
  "model.encoder.embed_tokens.weight",
  "model.decoder.embed_tokens.weight",
  "lm_head.out_proj.weight",
];

const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^(?=(?:en|de)coder\.)/, "model."],
  [/\.attentionNorm\./, ".pre_self_attn_layernorm."],
  [/\.attentionPostNorm\./, ".post_self_attn_layernorm."],
  [/\.feedForwardNorm\./, ".pre_feedforward_layernorm."],
  [/\.feedForwardPostNorm\./, ".post_feedforward_layernorm."],
  [/\.attention\.(q|k)[a-z]+Norm\./, ".self_attn.$1_norm."],
  [/\.attention\./, ".self_attn."],
  [/\.(q|k|v)[a-z]+\./, ".$1_proj."],
  [/\.output\./, ".o_proj."],
  [/\.feedForward\.(gate|up|down)\./, ".mlp.$1_proj."],
];

const namesOf: NamesOf = (parameter) =>
  parameter === "embedding.weight" ? TABLES : [renamed(parameter, PARTS)];
