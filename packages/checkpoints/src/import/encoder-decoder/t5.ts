/**
 * T5, FLAN-T5, mT5 and umT5.
 *
 * Their attention scores are not scaled, so the root of the head size is folded into queries. A tied head multiplies hidden states by the
 * inverse root of the width, which is folded into the last norm.
 *
 * Source: transformers 4.57, modeling_t5.py, modeling_mt5.py, modeling_umt5.py and their configurations.
 */
import { ACTIVATIONS, parseModelConfig, type ActivationName, type EncoderDecoderConfig } from "@slm/model";
import { z } from "zod";
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
} from "./published-model.js";

/** Differences between the families. */
interface T5Family {
  /** Whether every layer has its own relative bias. */
  readonly perLayer: boolean;
  /** Default of `tie_word_embeddings`. */
  readonly isTied: boolean;
  /** Default of `feed_forward_proj`. */
  readonly activation: string;
}

const schema = z.looseObject({
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: size,
  num_decoder_layers: size.nullish(),
  num_heads: size,
  relative_attention_num_buckets: z.int().min(4).max(65_536).default(32),
  relative_attention_max_distance: size.default(128),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  feed_forward_proj: z.string().nullish(),
  dense_act_fn: z.string().nullish(),
  is_gated_act: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  ...tokenKeys,
});

type Source = z.infer<typeof schema>;

/**
 * The activation: the name of a function in `feed_forward_proj`, after "gated-" if there is a gate. "gated-gelu" is the tanh approximation. The
 * keys that the configuration class derives from it take precedence if the file contains them.
 */
function feedForwardOf(source: Source, usual: string, where: string): ActivationName {
  const projection = source.feed_forward_proj ?? usual;
  const named = projection.replace(/^gated-/u, "");
  const isGated = source.is_gated_act ?? named !== projection;
  const own = projection === "gated-gelu" ? "gelu_new" : named;
  const key = source.dense_act_fn == null ? "feed_forward_proj" : "dense_act_fn";
  return activationOf({ key, value: source.dense_act_fn ?? own, where }, isGated);
}

/** Other names of the embedding table in files of these families, and a table that T5's own code never read. */
const UNUSED =
  /^(?:(?:en|de)coder\.embed_tokens\.weight|decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight)$/;

const readT5 =
  ({ perLayer, isTied, activation: usual }: T5Family): ReadPublished =>
  (external, options) => {
    const { where } = external;
    const source = parsePublished(schema, external);
    const decoderLayers = source.num_decoder_layers ?? source.num_layers;
    checkLayers(external, Math.max(source.num_layers, decoderLayers));
    const activation = feedForwardOf(source, usual, where);
    const tied = source.tie_word_embeddings ?? isTied;
    const config = parseModelConfig(
      {
        architecture: "encoder-decoder",
        width: source.d_model,
        heads: source.num_heads,
        kvHeads: source.num_heads,
        headDim: source.d_kv,
        feedForward: source.d_ff,
        encoderLayers: source.num_layers,
        decoderLayers,
        ...publishedLengths(options, Infinity, where),
        normEpsilon: source.layer_norm_epsilon,
        bias: false,
        activation,
        tieWordEmbeddings: tied ? undefined : false,
        positions: {
          kind: "relative-bias",
          buckets: source.relative_attention_num_buckets,
          maxDistance: source.relative_attention_max_distance,
          perLayer: perLayer ? true : undefined,
        },
        vocabularySize: source.vocab_size,
        tokens: options.tokens ?? publishedTokens(source, { pad: 0, eos: 1, start: 0 }),
      },
      `${where}: config.json`,
    ) as EncoderDecoderConfig;
    return {
      config,
      namesOf: namesOf(activation),
      scaleOf: scaleOf(config, tied),
      isIgnored: (name) => UNUSED.test(name) || (tied && name === "lm_head.weight"),
    };
  };

function scaleOf({ headDim, width }: EncoderDecoderConfig, isTied: boolean): (parameter: string) => number {
  return (parameter) => {
    if (/ttention\.query\.weight$/.test(parameter)) return Math.sqrt(headDim);
    return isTied && parameter === "decoder.norm.weight" ? 1 / Math.sqrt(width) : 1;
  };
}

const EMBEDDINGS = [
  "shared.weight",
  "encoder.embed_tokens.weight",
  "decoder.embed_tokens.weight",
  "lm_head.weight",
];

const BLOCK: readonly (readonly [RegExp, string])[] = [
  [/^(encoder|decoder)\.norm\./, "$1.final_layer_norm."],
  [/^(encoder|decoder)\.relativeBias\./, "$1.layers.0.attention.relativeBias."],
  [/^(encoder|decoder)\.layers\.(\d+)\.attention/, "$1.block.$2.layer.0.attention"],
  [/^decoder\.layers\.(\d+)\.crossAttention/, "decoder.block.$1.layer.1.crossAttention"],
  [/^encoder\.layers\.(\d+)\.feedForward/, "encoder.block.$1.layer.1.feedForward"],
  [/^decoder\.layers\.(\d+)\.feedForward/, "decoder.block.$1.layer.2.feedForward"],
  [/\.(?:attention|crossAttention|feedForward)Norm\./, ".layer_norm."],
  [/\.attention\.relativeBias\./, ".SelfAttention.relative_attention_bias."],
  [/\.attention\./, ".SelfAttention."],
  [/\.crossAttention\./, ".EncDecAttention."],
  [/\.(q|k|v|o)[a-z]+\./, ".$1."],
  [/\.feedForward\.gate\./, ".DenseReluDense.wi_0."],
  [/\.feedForward\.down\./, ".DenseReluDense.wo."],
];

function namesOf(activation: ActivationName): NamesOf {
  const up = ACTIVATIONS[activation].isGated ? "wi_1" : "wi";
  const replacements = [...BLOCK, [/\.feedForward\.up\./, `.DenseReluDense.${up}.`] as const];
  return (parameter) => {
    if (parameter === "embedding.weight") return EMBEDDINGS;
    return [parameter === "head.weight" ? "lm_head.weight" : renamed(parameter, replacements)];
  };
}

export const t5 = readT5({ perLayer: false, isTied: true, activation: "relu" });
export const mt5 = readT5({ perLayer: false, isTied: false, activation: "gated-gelu" });
export const umt5 = readT5({ perLayer: true, isTied: true, activation: "gated-gelu" });
