/** Shared parts of T5Gemma and T5Gemma 2: two stacks of Gemma layers, with norm gains stored minus one. */
import { SlmError } from "@slm/core";
import type { EncoderDecoderConfig } from "@slm/model";
import { z } from "zod";
import {
  activationOf,
  publishedLengths,
  publishedTokens,
  size,
  tokenKeys,
  type ReadPublished,
} from "./published-model.js";

export const positive = z.number().positive();
export const layerTypes = z.array(z.enum(["sliding_attention", "full_attention"]));

/** Keys of a stack. */
export const stackKeys = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  query_pre_attn_scalar: positive,
  max_position_embeddings: size,
  final_logit_softcapping: positive.nullish(),
  ...tokenKeys,
};

type SharedStack = z.infer<z.ZodObject<typeof stackKeys>> & {
  readonly hidden_activation: string;
  readonly rms_norm_eps: number;
};

/** Keys that must have the same value in both stacks. */
export const COMMON = ["hidden_activation", "rms_norm_eps"] as const satisfies readonly (keyof SharedStack)[];

/** @throws SlmError CONFIG_INVALID with the first key in which the stacks differ */
export function checkCommon<Stack extends object>(
  { encoder, decoder }: { readonly encoder: Stack; readonly decoder: Stack },
  keys: readonly (keyof Stack & string)[],
  where: string,
): void {
  const written = (value: unknown): string => JSON.stringify(value ?? null);
  const key = keys.find((name) => written(encoder[name]) !== written(decoder[name]));
  if (key === undefined) return;
  const [one, other] = [written(encoder[key]), written(decoder[key])];
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: encoder.${key} ${one} and decoder.${key} ${other} differ, which is not supported`,
    { context: { key } },
  );
}

/** Sizes, lengths, norms and activation of a model with two stacks. */
export function stacksShape(
  { encoder, decoder }: { readonly encoder: SharedStack; readonly decoder: SharedStack },
  options: Parameters<ReadPublished>[1],
  where: string,
): object {
  const positions = Math.min(encoder.max_position_embeddings, decoder.max_position_embeddings);
  return {
    architecture: "encoder-decoder",
    width: decoder.hidden_size,
    encoderWidth: encoder.hidden_size === decoder.hidden_size ? undefined : encoder.hidden_size,
    heads: decoder.num_attention_heads,
    kvHeads: decoder.num_key_value_heads,
    headDim: decoder.head_dim,
    encoderHeads: encoderHeads(encoder, decoder),
    feedForward: encoder.intermediate_size,
    decoderFeedForward:
      decoder.intermediate_size === encoder.intermediate_size ? undefined : decoder.intermediate_size,
    encoderLayers: encoder.num_hidden_layers,
    decoderLayers: decoder.num_hidden_layers,
    ...publishedLengths(options, positions, where),
    normEpsilon: decoder.rms_norm_eps,
    activation: activationOf({ key: "hidden_activation", value: decoder.hidden_activation, where }, true),
    postNorm: true,
    logitSoftcap: decoder.final_logit_softcapping ?? undefined,
  };
}

/** Heads of the encoder, if they differ from the decoder's. */
function encoderHeads(encoder: SharedStack, decoder: SharedStack): EncoderDecoderConfig["encoderHeads"] {
  const of = (stack: SharedStack): NonNullable<EncoderDecoderConfig["encoderHeads"]> => ({
    heads: stack.num_attention_heads,
    kvHeads: stack.num_key_value_heads,
    headDim: stack.head_dim,
  });
  const [own, other] = [of(encoder), of(decoder)];
  return JSON.stringify(own) === JSON.stringify(other) ? undefined : own;
}

/** The factor on a stack's queries: its scores are divided by a root of another number than the head size. */
export const queryFactor = ({ head_dim, query_pre_attn_scalar }: SharedStack): number =>
  Math.sqrt(head_dim / query_pre_attn_scalar);

type TokenSource = z.infer<z.ZodObject<typeof tokenKeys>>;

/** Special tokens: the model's own keys, otherwise the decoder's. An answer starts with BOS unless the file says otherwise. */
export function stacksTokens(source: TokenSource, decoder: TokenSource): EncoderDecoderConfig["tokens"] {
  const of = (key: keyof typeof tokenKeys): TokenSource[typeof key] => source[key] ?? decoder[key];
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

/** @throws SlmError CONFIG_INVALID for a list of kinds without an entry for every layer */
export function checkLayerTypes(types: readonly unknown[], count: number, where: string): void {
  if (types.length === count) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: layer_types has ${types.length} entries for ${count} layers`,
  );
}

/** Gains of norms are stored minus one. */
export const gainShift = (parameter: string): number => (/norm\.weight$/i.test(parameter) ? 1 : 0);

/** Parts of layer names, after the names of the stack and its attention. */
export const LAYER_PARTS: readonly (readonly [RegExp, string])[] = [
  [/\.attentionNorm\./, ".pre_self_attn_layernorm."],
  [/\.attentionPostNorm\./, ".post_self_attn_layernorm."],
  [/\.crossAttentionNorm\./, ".pre_cross_attn_layernorm."],
  [/\.crossAttentionPostNorm\./, ".post_cross_attn_layernorm."],
  [/\.feedForwardNorm\./, ".pre_feedforward_layernorm."],
  [/\.feedForwardPostNorm\./, ".post_feedforward_layernorm."],
  [/\.attention\.(q|k)[a-z]+Norm\./, ".self_attn.$1_norm."],
  [/\.attention\./, ".self_attn."],
  [/\.crossAttention\./, ".cross_attn."],
  [/\.(q|k|v)[a-z]+\./, ".$1_proj."],
  [/\.output\./, ".o_proj."],
  [/\.feedForward\.(gate|up|down)\./, ".mlp.$1_proj."],
];
