/**
 * T5Gemma: two stacks of Gemma 2 layers.
 *
 * Norm gains are stored minus one. Factors on scores are folded into queries, those on embedded tokens into the tables, and the inverse
 * into the norm before a tied head.
 *
 * Source: transformers 4.57, modeling_t5gemma.py and configuration_t5gemma.py.
 */
import { SlmError } from "@slm/core";
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

const stack = z.looseObject({
  ...stackKeys,
  sliding_window: size.nullish(),
  layer_types: layerTypes.nullish(),
  hidden_activation: z.string().default("gelu_pytorch_tanh"),
  rms_norm_eps: positive.default(1e-6),
  rope_theta: positive.default(10_000),
  rope_scaling: z.null().optional(),
  attention_bias: z.boolean().default(false),
  attn_logit_softcapping: positive.nullish(),
});

const schema = z.looseObject({
  encoder: stack,
  decoder: stack,
  tie_word_embeddings: z.boolean().nullish(),
  ...tokenKeys,
});

type Stack = z.infer<typeof stack>;

/** Keys that must be equal in both stacks, in addition to those of all such models. */
const ALIKE = ["sliding_window", "rope_theta", "attention_bias", "attn_logit_softcapping"] as const;

export const t5gemma: ReadPublished = (external, options) => {
  const { where } = external;
  const source = parsePublished(schema, external);
  const { encoder, decoder } = source;
  checkCommon({ encoder, decoder }, [...COMMON, ...ALIKE], where);
  checkLayers(external, Math.max(encoder.num_hidden_layers, decoder.num_hidden_layers));
  const isTied = source.tie_word_embeddings ?? true;
  const config = parseModelConfig(
    {
      ...stacksShape({ encoder, decoder }, options, where),
      ropeTheta: decoder.rope_theta,
      bias: decoder.attention_bias ? "attention" : false,
      attentionSoftcap: decoder.attn_logit_softcapping ?? undefined,
      slidingWindow: slidingWindow(encoder, decoder, where),
      tieWordEmbeddings: isTied ? undefined : false,
      sourceVocabularySize: encoder.vocab_size,
      vocabularySize: decoder.vocab_size,
      tokens: options.tokens ?? stacksTokens(source, decoder),
    },
    `${where}: config.json`,
  ) as EncoderDecoderConfig;
  const factors: Factors = {
    query: { encoder: queryFactor(encoder), decoder: queryFactor(decoder) },
    embedding: { encoder: Math.sqrt(encoder.hidden_size), decoder: Math.sqrt(decoder.hidden_size) },
    isTied,
  };
  return {
    config,
    namesOf,
    scaleOf: (parameter) => scaleOf(parameter, factors),
    shiftOf: gainShift,
    isIgnored: (name) => isTied && name === HEAD,
  };
};

function slidingWindow(encoder: Stack, decoder: Stack, where: string): EncoderDecoderConfig["slidingWindow"] {
  const [encoderLayers, decoderLayers] = [slidingLayers(encoder, where), slidingLayers(decoder, where)];
  if (encoderLayers.length + decoderLayers.length === 0) return undefined;
  const window = decoder.sliding_window;
  if (window != null) return { window, encoderLayers, decoderLayers };
  throw new SlmError("CONFIG_INVALID", `${where}: config.json: sliding layers need sliding_window`);
}

/** Every second layer, starting with the first, unless `layer_types` says otherwise. */
function slidingLayers({ layer_types: types, num_hidden_layers: count }: Stack, where: string): number[] {
  if (types != null) checkLayerTypes(types, count, where);
  const isSliding = (layer: number): boolean =>
    types == null ? layer % 2 === 0 : types[layer] === "sliding_attention";
  return Array.from({ length: count }, (_, layer) => layer).filter(isSliding);
}

interface Factors {
  readonly query: { readonly encoder: number; readonly decoder: number };
  readonly embedding: { readonly encoder: number; readonly decoder: number };
  readonly isTied: boolean;
}

function scaleOf(parameter: string, { query, embedding, isTied }: Factors): number {
  if (/ttention\.query\.(?:weight|bias)$/.test(parameter))
    return parameter.startsWith("encoder.") ? query.encoder : query.decoder;
  if (parameter === "encoder.embedding.weight") return embedding.encoder;
  if (parameter === "embedding.weight") return embedding.decoder;
  return isTied && parameter === "decoder.norm.weight" ? 1 / embedding.decoder : 1;
}

const [SOURCE_TABLE, HEAD] = ["model.encoder.embed_tokens.weight", "lm_head.out_proj.weight"];

/** If the file does not contain a separate head, it is the encoder's table, as in the library (`decoder.tie_word_embeddings`). */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "embedding.weight": ["model.decoder.embed_tokens.weight"],
  "encoder.embedding.weight": [SOURCE_TABLE],
  "head.weight": [HEAD, SOURCE_TABLE],
};

const PARTS = [[/^/, "model."], ...LAYER_PARTS] as const;

const namesOf: NamesOf = (parameter) => NAMES[parameter] ?? [renamed(parameter, PARTS)];
