/**
 * BART and its relatives: mBART, Pegasus, Marian (OPUS-MT), M2M-100 (NLLB) and Blenderbot small.
 *
 * Factors on embedded tokens are folded into the embedding table. If the table is also the output head, their inverse is folded into the norm
 * before the head.
 *
 * Source: transformers 4.57, the families' modeling and configuration files.
 */
import { parseModelConfig, type EncoderDecoderConfig } from "@slm/model";
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { ExternalCheckpoint } from "../../external-checkpoint.js";
import {
  activationOf,
  checkLayers,
  parsePublished,
  publishedLengths,
  publishedTokens,
  renamed,
  size,
  tokenKeys,
  type NamesOf,
  type ReadPublished,
  type TokenDefaults,
} from "./published-model.js";

type Positions = NonNullable<EncoderDecoderConfig["positions"]>;

/** Differences between the families. */
interface BartFamily {
  readonly normPlacement: "pre" | "post";
  /** Norms of embedded tokens, before or after positions are added. */
  readonly embeddingNorm: EncoderDecoderConfig["embeddingNorm"];
  /** Positions to compute if the file has no position table; undefined: the file must have one. */
  readonly sinusoids: ((pad: number) => Extract<Positions, { kind: "sinusoidal" }>) | undefined;
  /** Rows of a stored table before the row of the first position. */
  readonly rowsBefore: number;
  /** Whether the model always computes its positions, even if the file contains a table. */
  readonly ignoresTable: boolean;
  readonly tokens: TokenDefaults;
  /** Whether the decoder's tokens have no factor; its norm then comes before positions. */
  readonly isDecoderUnscaled: boolean;
  /** Defaults of `activation_function` and `scale_embedding`. */
  readonly activation: string;
  readonly isScaled: boolean;
}

/** Epsilon of PyTorch's LayerNorm, which these families use unchanged. */
const NORM_EPSILON = 1e-5;

const AFTER = { encoder: "after-positions", decoder: "after-positions" } as const;

const BART: BartFamily = {
  normPlacement: "post",
  embeddingNorm: AFTER,
  sinusoids: undefined,
  rowsBefore: 2,
  ignoresTable: false,
  tokens: { pad: 1, eos: 2, start: 2 },
  isDecoderUnscaled: false,
  activation: "gelu",
  isScaled: false,
};

const marianSinusoids: BartFamily["sinusoids"] = () => ({ kind: "sinusoidal", spacing: "half", first: 0 });

const FAMILIES = {
  bart: BART,
  mbart: { ...BART, normPlacement: "pre" },
  pegasus: {
    ...BART,
    normPlacement: "pre",
    embeddingNorm: undefined,
    sinusoids: marianSinusoids,
    rowsBefore: 0,
    tokens: { pad: 0, eos: 1, start: 0 },
  },
  marian: {
    ...BART,
    embeddingNorm: undefined,
    sinusoids: marianSinusoids,
    rowsBefore: 0,
    tokens: { pad: 58_100, eos: 0, start: 58_100 },
  },
  m2m_100: {
    ...BART,
    normPlacement: "pre",
    embeddingNorm: undefined,
    // Positions start after the position of padding.
    sinusoids: (pad) => ({ kind: "sinusoidal", spacing: "half-minus-one", first: pad + 1 }),
    rowsBefore: 0,
    ignoresTable: true,
    activation: "relu",
    isScaled: true,
  },
  "blenderbot-small": {
    ...BART,
    embeddingNorm: { encoder: "after-positions", decoder: "before-positions" },
    rowsBefore: 0,
    isDecoderUnscaled: true,
    tokens: { pad: 0, eos: 2, start: 1 },
  },
} as const satisfies Readonly<Record<string, BartFamily>>;

const schema = z.looseObject({
  vocab_size: size,
  decoder_vocab_size: size.nullish(),
  share_encoder_decoder_embeddings: z.boolean().nullish(),
  d_model: size,
  encoder_layers: size,
  decoder_layers: size,
  encoder_attention_heads: size,
  decoder_attention_heads: size,
  encoder_ffn_dim: size,
  decoder_ffn_dim: size,
  max_position_embeddings: size,
  activation_function: z.string().nullish(),
  scale_embedding: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  ...tokenKeys,
});

type Source = z.infer<typeof schema>;

const readBart =
  (family: BartFamily): ReadPublished =>
  (external, options) => {
    const { where } = external;
    const source = parsePublished(schema, external);
    for (const key of ["encoder_attention_heads", "decoder_attention_heads"] as const)
      checkHeads(source, key, where);
    checkLayers(external, Math.max(source.encoder_layers, source.decoder_layers));
    const names = tensorNames(external);
    const tokens = options.tokens ?? publishedTokens(source, family.tokens);
    const positions = positionsOf(family, names, publishedTokens(source, family.tokens).pad);
    const isShared = source.share_encoder_decoder_embeddings ?? true;
    const isTied = source.tie_word_embeddings ?? true;
    const heads = source.decoder_attention_heads;
    const scale = (source.scale_embedding ?? family.isScaled) ? Math.sqrt(source.d_model) : 1;
    const config = parseModelConfig(
      {
        architecture: "encoder-decoder",
        width: source.d_model,
        heads,
        kvHeads: heads,
        headDim: source.d_model / heads,
        encoderHeads: encoderHeads(source),
        feedForward: source.encoder_ffn_dim,
        decoderFeedForward:
          source.decoder_ffn_dim === source.encoder_ffn_dim ? undefined : source.decoder_ffn_dim,
        encoderLayers: source.encoder_layers,
        decoderLayers: source.decoder_layers,
        ...publishedLengths(options, source.max_position_embeddings, where),
        normEpsilon: NORM_EPSILON,
        bias: true,
        norm: "layer",
        normPlacement: family.normPlacement === "post" ? "post" : undefined,
        embeddingNorm: embeddingNorm(family, scale),
        positions,
        activation: activationOf(
          { key: "activation_function", value: source.activation_function ?? family.activation, where },
          false,
        ),
        tieWordEmbeddings: isTied ? undefined : false,
        headBias: names.has("final_logits_bias") ? true : undefined,
        sourceVocabularySize: isShared ? undefined : source.vocab_size,
        vocabularySize: isShared ? source.vocab_size : (source.decoder_vocab_size ?? source.vocab_size),
        tokens,
      },
      `${where}: config.json`,
    ) as EncoderDecoderConfig;
    const isTable = positions.kind === "learned";
    return {
      config,
      namesOf: namesOf(isShared, isTable, names),
      scaleOf: scaleOf(config, scale, isTied),
      rowsBefore: (parameter) => (isTable && isPositions(parameter) ? family.rowsBefore : 0),
      isIgnored: isIgnored(family, { isShared, isTied }),
    };
  };

/** The norm of an unscaled token equals the norm of a scaled one with a scaled epsilon. Both stacks read one table, which is scaled. */
const embeddingNorm = (
  { embeddingNorm: norm, isDecoderUnscaled }: BartFamily,
  scale: number,
): BartFamily["embeddingNorm"] =>
  norm === undefined || !isDecoderUnscaled || scale === 1
    ? norm
    : { ...norm, decoderEpsilon: NORM_EPSILON * scale * scale };

/** @throws SlmError CONFIG_INVALID for a number of heads that does not divide the width */
function checkHeads(
  source: Source,
  key: "encoder_attention_heads" | "decoder_attention_heads",
  where: string,
): void {
  if (source.d_model % source[key] === 0) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: ${key} ${source[key]} does not divide d_model ${source.d_model}`,
    { context: { key } },
  );
}

/** Heads of the encoder, if their number differs from the decoder's. */
function encoderHeads({
  d_model: width,
  encoder_attention_heads: heads,
  decoder_attention_heads: others,
}: Source): EncoderDecoderConfig["encoderHeads"] {
  return heads === others ? undefined : { heads, kvHeads: heads, headDim: width / heads };
}

/** Names of the file's tensors, without the prefix in models with a head. */
const tensorNames = ({ tensors }: ExternalCheckpoint): ReadonlySet<string> =>
  new Set(tensors.map(({ name }) => name.replace(/^model\./, "")));

const TABLE = /^(?:en|de)coder\.embed_positions\.weight$/;

const isPositions = (parameter: string): boolean => parameter.endsWith(".positions.weight");

/** A stored table, or the sines and cosines that the model computes. */
function positionsOf(family: BartFamily, names: ReadonlySet<string>, pad: number): Positions {
  const isStored = !family.ignoresTable && [...names].some((name) => TABLE.test(name));
  return isStored || family.sinusoids === undefined ? { kind: "learned" } : family.sinusoids(pad);
}

const isIgnored =
  (
    { ignoresTable }: BartFamily,
    { isShared, isTied }: { readonly isShared: boolean; readonly isTied: boolean },
  ) =>
  (name: string): boolean => {
    const inner = name.replace(/^model\./, "");
    if (/^(?:en|de)coder\.(?:embed_positions\.weights|version)$/.test(inner)) return true;
    if (ignoresTable && TABLE.test(inner)) return true;
    if (isTied && inner === "lm_head.weight") return true;
    const isTable = /^(?:shared|(?:en|de)coder\.embed_tokens)\.weight$/.test(inner);
    return isShared ? isTable : inner === "shared.weight";
  };

/** The factor on embedded tokens, and its inverse on the head's input. */
export function scaleOf(
  { decoderLayers, normPlacement }: Pick<EncoderDecoderConfig, "decoderLayers" | "normPlacement">,
  scale: number,
  isTied: boolean,
): (parameter: string) => number {
  const last =
    normPlacement === "post" ? `decoder.layers.${decoderLayers - 1}.feedForwardNorm` : "decoder.norm";
  return (parameter) => {
    if (/^(?:encoder\.)?embedding\.weight$/.test(parameter)) return scale;
    return isTied && (parameter === `${last}.weight` || parameter === `${last}.bias`) ? 1 / scale : 1;
  };
}

const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^(encoder|decoder)\.norm\./, "$1.layer_norm."],
  [/^(encoder|decoder)\.embeddingNorm\./, "$1.layernorm_embedding."],
  [/^(encoder|decoder)\.positions\./, "$1.embed_positions."],
  [/\.attentionNorm\./, ".self_attn_layer_norm."],
  [/\.crossAttentionNorm\./, ".encoder_attn_layer_norm."],
  [/\.feedForwardNorm\./, ".final_layer_norm."],
  [/\.attention\./, ".self_attn."],
  [/\.crossAttention\./, ".encoder_attn."],
  [/\.(q|k|v)[a-z]+\./, ".$1_proj."],
  [/\.output\./, ".out_proj."],
  [/\.feedForward\.up\./, ".fc1."],
  [/\.feedForward\.down\./, ".fc2."],
];

/** Names with and without the prefix, which models without a head do not have. */
const prefixed = (name: string): readonly string[] => [`model.${name}`, name];

function namesOf(isShared: boolean, hasTable: boolean, names: ReadonlySet<string>): NamesOf {
  const [source, target] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  const tables = isShared ? ["shared.weight", source, target, "lm_head.weight"] : [target, "lm_head.weight"];
  return (parameter) => {
    if (parameter === "embedding.weight") return tables.flatMap(prefixed);
    if (parameter === "encoder.embedding.weight") return prefixed(source);
    if (parameter === "head.weight") return ["lm_head.weight"];
    if (parameter === "head.bias") return ["final_logits_bias"];
    const name = renamed(parameter, PARTS);
    // Computes sines and cosines even if the file contains a table, because the model's own library never reads the table.
    return isPositions(parameter) && !hasTable && names.has(name) ? [`computed.${name}`] : prefixed(name);
  };
}

export const bart = readBart(FAMILIES.bart);
export const mbart = readBart(FAMILIES.mbart);
export const pegasus = readBart(FAMILIES.pegasus);
export const marian = readBart(FAMILIES.marian);
export const m2m100 = readBart(FAMILIES.m2m_100);
export const blenderbotSmall = readBart(FAMILIES["blenderbot-small"]);
