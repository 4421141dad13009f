/**
 * T5Gemma: two stacks of Gemma 2 layers.
 *
 * Norm gains are stored minus one. Factors on scores are folded into queries, those on embedded tokens into the tables, and the inverse
 * into the norm before a tied head.
 *
 * Source: transformers 4.57, modeling_t5gemma.py and configuration_t5gemma.py.
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

const stack = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  query_pre_attn_scalar: positive,
  sliding_window: size.nullish(),
  layer_types: z.array(z.enum(["sliding_attention", "full_attention"])).nullish(),
  max_position_embeddings: size,
  hidden_activation: z.string().default("gelu_pytorch_tanh"),
  rms_norm_eps: positive.default(1e-6),
  rope_theta: positive.default(10_000),
  rope_scaling: z.null().optional(),
  attention_bias: z.boolean().default(false),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  ...tokenKeys,
});

const schema = z.looseObject({
  encoder: stack,
  decoder: stack,
  tie_word_embeddings: z.boolean().nullish(),
  ...tokenKeys,
});

type Stack = z.infer<typeof stack>;

/** What both stacks must have in common here. */
const COMMON = [
  "hidden_size",
  "num_attention_heads",
  "num_key_value_heads",
  "head_dim",
  "query_pre_attn_scalar",
  "sliding_window",
  "hidden_activation",
  "rms_norm_eps",
  "rope_theta",
  "attention_bias",
  "attn_logit_softcapping",
] as const satisfies readonly (keyof Stack)[];

const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  gelu_pytorch_tanh: "geglu",
  gelu_new: "geglu",
  silu: "swiglu",
};

export const t5gemma: ReadPublished = (external, options) => {
  const { where } = external;
  const source = parsePublished(schema, external);
  const { encoder, decoder } = source;
  checkCommon(encoder, decoder, where);
  checkLayers(external, Math.max(encoder.num_hidden_layers, decoder.num_hidden_layers));
  const isTied = source.tie_word_embeddings ?? true;
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
      ropeTheta: decoder.rope_theta,
      normEpsilon: decoder.rms_norm_eps,
      bias: decoder.attention_bias ? "attention" : false,
      activation: rowOf(ACTIVATIONS, { key: "hidden_activation", value: decoder.hidden_activation, where }),
      postNorm: true,
      attentionSoftcap: decoder.attn_logit_softcapping ?? undefined,
      logitSoftcap: decoder.final_logit_softcapping ?? undefined,
      slidingWindow: slidingWindow(encoder, decoder, where),
      tieWordEmbeddings: isTied ? undefined : false,
      sourceVocabularySize: encoder.vocab_size,
      vocabularySize: decoder.vocab_size,
      tokens: options.tokens ?? tokensOf(source),
    },
    `${where}: config.json`,
  ) as EncoderDecoderConfig;
  const factors: Factors = {
    query: Math.sqrt(decoder.head_dim / decoder.query_pre_attn_scalar),
    embedding: Math.sqrt(decoder.hidden_size),
    isTied,
  };
  return {
    config,
    namesOf,
    scaleOf: (parameter) => scaleOf(parameter, factors),
    shiftOf: (parameter) => (/norm\.weight$/i.test(parameter) ? 1 : 0),
    isIgnored: (name) => isTied && name === HEAD,
  };
};

/** @throws SlmError CONFIG_INVALID naming the first key in which the stacks differ */
function checkCommon(encoder: Stack, decoder: Stack, where: string): void {
  const key = COMMON.find((name) => (encoder[name] ?? null) !== (decoder[name] ?? null));
  if (key === undefined) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: encoder.${key} ${String(encoder[key])} other than decoder.${key} ${String(decoder[key])} is not imported`,
    { context: { key } },
  );
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

function slidingWindow(encoder: Stack, decoder: Stack, where: string): EncoderDecoderConfig["slidingWindow"] {
  const [encoderLayers, decoderLayers] = [slidingLayers(encoder, where), slidingLayers(decoder, where)];
  if (encoderLayers.length + decoderLayers.length === 0) return undefined;
  const window = decoder.sliding_window;
  if (window != null) return { window, encoderLayers, decoderLayers };
  throw new SlmError("CONFIG_INVALID", `${where}: config.json: sliding layers without sliding_window`);
}

/** Every other layer, from the first on, unless `layer_types` says otherwise. */
function slidingLayers({ layer_types: types, num_hidden_layers: count }: Stack, where: string): number[] {
  if (types != null && types.length !== count)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: config.json: layer_types has ${types.length} entries for ${count} layers`,
    );
  const isSliding = (layer: number): boolean =>
    types == null ? layer % 2 === 0 : types[layer] === "sliding_attention";
  return Array.from({ length: count }, (_, layer) => layer).filter(isSliding);
}

interface Factors {
  readonly query: number;
  readonly embedding: number;
  readonly isTied: boolean;
}

function scaleOf(parameter: string, { query, embedding, isTied }: Factors): number {
  if (/ttention\.query\.(?:weight|bias)$/.test(parameter)) return query;
  if (/^(?:encoder\.)?embedding\.weight$/.test(parameter)) return embedding;
  return isTied && parameter === "decoder.norm.weight" ? 1 / embedding : 1;
}

const [SOURCE_TABLE, HEAD] = ["model.encoder.embed_tokens.weight", "lm_head.out_proj.weight"];

/** A head of its own that the file does not hold is the encoder's table: so the library ties it (`decoder.tie_word_embeddings`). */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "embedding.weight": ["model.decoder.embed_tokens.weight"],
  "encoder.embedding.weight": [SOURCE_TABLE],
  "head.weight": [HEAD, SOURCE_TABLE],
};

const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^/, "model."],
  [/\.attentionNorm\./, ".pre_self_attn_layernorm."],
  [/\.attentionPostNorm\./, ".post_self_attn_layernorm."],
  [/\.crossAttentionNorm\./, ".pre_cross_attn_layernorm."],
  [/\.crossAttentionPostNorm\./, ".post_cross_attn_layernorm."],
  [/\.feedForwardNorm\./, ".pre_feedforward_layernorm."],
  [/\.feedForwardPostNorm\./, ".post_feedforward_layernorm."],
  [/\.attention\./, ".self_attn."],
  [/\.crossAttention\./, ".cross_attn."],
  [/\.(q|k|v)[a-z]+\./, ".$1_proj."],
  [/\.output\./, ".o_proj."],
  [/\.feedForward\.(gate|up|down)\./, ".mlp.$1_proj."],
];

const namesOf: NamesOf = (parameter) => NAMES[parameter] ?? [renamed(parameter, PARTS)];
