/**
 * Models in Marian's own format, which Firefox uses for translation: post-norm, sinusoidal positions, one embedding table for the source, the
 * target and the head, and decoder layers with an SSRU instead of self-attention. Other settings of Marian are rejected.
 *
 * Source: Marian 1.9, `models/transformer.h`, `rnn/cells.h` (SSRU), `graph/node_initializers.cpp` (positions), `common/config_parser.cpp`.
 */
import { SlmError } from "@slm/core";
import { parseModelConfig, type EncoderDecoderConfig } from "@slm/model";
import { z } from "zod";
import { scaleOf } from "./bart.js";
import {
  activationOf,
  checkLayers,
  parsePublished,
  publishedLengths,
  renamed,
  size,
  type ReadPublished,
} from "./published-model.js";

/** `model_type` of these models among external ones. */
export const MARIAN_NMT = "marian-nmt";

/** Epsilon of Marian's layer norms: `layerNorm` of `graph/expression_operators.h`. */
const NORM_EPSILON = 1e-6;

/** Limit of positions. The model computes them, so it has no limit of its own. */
const MOST_POSITIONS = 1 << 16;

const schema = z.looseObject({
  "dim-emb": size,
  "enc-depth": size,
  "dec-depth": size,
  "transformer-heads": size,
  "transformer-dim-ffn": size,
  "transformer-ffn-activation": z.string(),
  vocabulary: size,
  tokens: z.strictObject({
    pad: z.int().nonnegative(),
    bos: z.int().nonnegative(),
    eos: z.int().nonnegative(),
    unknown: z.int().nonnegative(),
  }),
});

/** Settings that change the model, and the supported values. The last one is the default. */
const EXPECTED: Readonly<Record<string, readonly unknown[]>> = {
  type: ["transformer"],
  "transformer-decoder-autoreg": ["rnn"],
  "dec-cell": ["ssru"],
  "transformer-preprocess": [""],
  "transformer-postprocess": ["dan", "da", "an"],
  "transformer-postprocess-emb": ["", "d"],
  "transformer-postprocess-top": [""],
  "transformer-ffn-depth": [2],
  "transformer-depth-scaling": [false],
  "transformer-no-projection": [false],
  "transformer-rnn-projection": [false],
  "transformer-train-position-embeddings": [false],
  "transformer-tied-layers": [null],
  "transformer-pool": [false],
  "tied-embeddings-all": [true],
  "layer-normalization": [false],
  "output-omit-bias": [false],
  "right-left": [false],
  skip: [false],
  ulr: [false],
  "lemma-dim-emb": [0],
};

/** An empty list means that the setting is unused. */
const plain = (value: unknown): unknown => (Array.isArray(value) && value.length === 0 ? null : value);

const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^(encoder|decoder)\.layers\.(\d+)\./, "$1_l$2_"],
  [/attentionNorm\.weight$/, "self_Wo_ln_scale"],
  [/attentionNorm\.bias$/, "self_Wo_ln_bias"],
  [/crossAttentionNorm\.weight$/, "context_Wo_ln_scale"],
  [/crossAttentionNorm\.bias$/, "context_Wo_ln_bias"],
  [/feedForwardNorm\.weight$/, "ffn_ffn_ln_scale"],
  [/feedForwardNorm\.bias$/, "ffn_ffn_ln_bias"],
  [/recurrenceNorm\.weight$/, "rnn_ffn_ln_scale"],
  [/recurrenceNorm\.bias$/, "rnn_ffn_ln_bias"],
  [/crossAttention\./, "context_"],
  [/attention\./, "self_"],
  [/(query|key|value|output)\.weight$/, "W$1"],
  [/(query|key|value|output)\.bias$/, "b$1"],
  [/(W|b)([qkvo])[a-z]+$/, "$1$2"],
  [/feedForward\.up\.weight$/, "ffn_W1"],
  [/feedForward\.up\.bias$/, "ffn_b1"],
  [/feedForward\.down\.weight$/, "ffn_W2"],
  [/feedForward\.down\.bias$/, "ffn_b2"],
  [/recurrence\.input\.weight$/, "rnn_W"],
  [/recurrence\.gate\.weight$/, "rnn_Wf"],
  [/recurrence\.gate\.bias$/, "rnn_bf"],
];

/** Marian counts layers from 1. */
const counted = (parameter: string): string =>
  parameter.replace(/\.layers\.(\d+)\./, (_, layer: string) => `.layers.${Number(layer) + 1}.`);

const OUTER: Readonly<Record<string, string>> = {
  "embedding.weight": "Wemb",
  "head.bias": "decoder_ff_logit_out_b",
};

/** Scales of activations for 8-bit arithmetic, which slm does not need. */
const isActivationScale = (name: string): boolean => name.endsWith("_QuantMultA");

export const marianNmt: ReadPublished = (external, options) => {
  const { where } = external;
  checkSettings(external.config, where);
  const source = parsePublished(schema, external);
  const { "dim-emb": width, "transformer-heads": heads } = source;
  if (width % heads !== 0)
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: transformer-heads ${heads} does not divide dim-emb ${width}`,
    );
  checkLayers(external, Math.max(source["enc-depth"], source["dec-depth"]));
  const config = parseModelConfig(
    {
      architecture: "encoder-decoder",
      width,
      heads,
      kvHeads: heads,
      headDim: width / heads,
      feedForward: source["transformer-dim-ffn"],
      encoderLayers: source["enc-depth"],
      decoderLayers: source["dec-depth"],
      ...publishedLengths(options, MOST_POSITIONS, where),
      normEpsilon: NORM_EPSILON,
      bias: true,
      norm: "layer",
      normPlacement: "post",
      positions: { kind: "sinusoidal", spacing: "half-minus-one", first: 0 },
      decoderRecurrence: "ssru",
      activation: activationOf(
        { key: "transformer-ffn-activation", value: source["transformer-ffn-activation"], where },
        false,
      ),
      headBias: true,
      vocabularySize: source.vocabulary,
      tokens: options.tokens ?? source.tokens,
    },
    where,
  ) as EncoderDecoderConfig;
  return {
    config,
    namesOf: (parameter) => [OUTER[parameter] ?? renamed(counted(parameter), PARTS)],
    scaleOf: scaleOf(config, Math.sqrt(width), true),
    isIgnored: isActivationScale,
  };
};

/** @throws SlmError CONFIG_INVALID with the first setting that is not supported */
function checkSettings(config: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, accepted] of Object.entries(EXPECTED)) {
    const value = plain(config[key] ?? accepted.at(-1));
    if (accepted.includes(value)) continue;
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: ${key} is ${JSON.stringify(value).slice(0, 80)}, which is not supported; expected ${accepted.map((known) => JSON.stringify(known)).join(" or ")}`,
      { context: { key } },
    );
  }
}
