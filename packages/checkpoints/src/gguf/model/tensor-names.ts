/** Names of llama.cpp to names of Hugging Face. Source: llama.cpp, gguf-py `constants.py` and `tensor_mapping.py`. */
import { FAMILIES, type Family } from "./families.js";

/** Outside the layers. */
const OUTER: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

/** In every family's layers. */
const LAYER: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_output: "self_attn.o_proj",
  ffn_down: "mlp.down_proj",
};

const SEPARATE: Readonly<Record<string, string>> = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
};

const FUSED: Readonly<Record<string, string>> = {
  attn_qkv: "self_attn.qkv_proj",
  ffn_up: "mlp.gate_up_proj",
};

/** Norms in front only: Hugging Face calls the second one after the attention that precedes it. */
const INNER_NORMS: Readonly<Record<string, string>> = { ffn_norm: "post_attention_layernorm" };

const OUTER_NORMS: Readonly<Record<string, string>> = {
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

/** Tensors that hold settings, not weights: they become part of the configuration. */
export const SETTING_TENSORS: ReadonlySet<string> = new Set([
  "rope_freqs.weight",
  "rope_factors_long.weight",
  "rope_factors_short.weight",
]);

/** The Hugging Face name of a tensor; undefined for one that the family does not have. */
export function huggingFaceName(family: Family, name: string): string | undefined {
  const parts = /^(?:blk\.(0|[1-9][0-9]{0,3})\.)?([a-z_]+)\.(weight|bias)$/.exec(name);
  if (parts === null) return undefined;
  const [, layer, part, kind] = parts;
  const table = layer === undefined ? OUTER : layerTable(family);
  if (part === undefined || !Object.hasOwn(table, part)) return undefined;
  return `${layer === undefined ? "" : `model.layers.${layer}.`}${table[part]!}.${kind!}`;
}

function layerTable(family: Family): Readonly<Record<string, string>> {
  const { hasFusedParts, hasOuterNorms } = FAMILIES[family];
  return {
    ...LAYER,
    ...(hasFusedParts ? FUSED : SEPARATE),
    ...(hasOuterNorms ? OUTER_NORMS : INNER_NORMS),
  };
}
