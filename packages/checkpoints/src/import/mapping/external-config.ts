/** The fields of a Hugging Face `config.json` that define a decoder-only model. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { ExternalCheckpoint } from "../../external-checkpoint.js";

/** Far above any model. The sizes below decide how much is allocated before a tensor is read. */
const size = z
  .int()
  .positive()
  .max(1 << 24);
const token = z.int().nonnegative();
const positive = z.number().positive();
const flag = z.boolean();

/** Keys may be absent or null; both mean the family's default. */
const externalConfigSchema = z.looseObject({
  architectures: z.array(z.string()).min(1),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  original_max_position_embeddings: size.nullish(),
  rms_norm_eps: positive,
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  tie_word_embeddings: flag.nullish(),
  attention_bias: flag.nullish(),
  mlp_bias: flag.nullish(),
  rope_theta: positive.nullish(),
  rope_local_base_freq: positive.nullish(),
  rope_scaling: z.looseObject({}).nullish(),
  /** Newer versions of transformers write this instead of the three keys above. */
  rope_parameters: z.looseObject({}).nullish(),
  sliding_window: size.nullish(),
  use_sliding_window: flag.nullish(),
  max_window_layers: z.int().nonnegative().nullish(),
  sliding_window_pattern: size.nullish(),
  layer_types: z.array(z.string()).nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  query_pre_attn_scalar: positive.nullish(),
  bos_token_id: token.nullish(),
  eos_token_id: z.union([token, z.array(token).min(1)]).nullish(),
  pad_token_id: token.nullish(),
});

export type ExternalConfig = z.infer<typeof externalConfigSchema>;

/** Unsupported settings, with the neutral values that are accepted. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  quantization_config: [],
  compression_config: [],
  partial_rotary_factor: [1],
  use_bidirectional_attention: [false],
};

/**
 * Checks an external configuration.
 *
 * @throws SlmError CONFIG_INVALID with the key and the expected value.
 */
export function parseExternalConfig({ config, where }: ExternalCheckpoint): ExternalConfig {
  const parsed = externalConfigSchema.safeParse(config);
  if (!parsed.success) {
    throw new SlmError("CONFIG_INVALID", `${where}: config.json: ${z.prettifyError(parsed.error)}`);
  }
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    const value = config[key] ?? null;
    if (value === null || neutral.includes(value)) continue;
    throw new SlmError(
      "CONFIG_INVALID",
      `${where}: config.json: ${key} is ${JSON.stringify(value).slice(0, 80)}, which is not supported`,
      { context: { key } },
    );
  }
  return parsed.data;
}
