/** Builds a `config.json` with Hugging Face's keys from the metadata of a file. Source: transformers, `configuration_*.py`. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import type { Family } from "./families.js";
import { ropeScaling } from "./rope-scaling.js";
import { Settings } from "./settings.js";

type Config = Readonly<Record<string, unknown>>;

/** Inputs of the family-specific keys. */
interface Facts {
  readonly settings: Settings;
  readonly width: number;
  readonly heads: number;
  readonly headDim: number;
  readonly layers: number;
  readonly rotaryDimensions: number;
}

/** Gemma's larger models scale attention by the width per head, the others by the head size. */
const GEMMA_SCALED_BY_WIDTH = { gemma2: 46, gemma3: 62 } as const;
/** Default period of layers with global attention. */
const GEMMA_PATTERN = { gemma2: 2, gemma3: 6 } as const;
/** The rotary base of local layers; files do not store it. */
const GEMMA3_LOCAL_BASE = 10_000;

/** One entry per family: its keys in addition to {@link sharedConfig}. */
const FAMILY_KEYS: { readonly [F in Family]: (facts: Facts) => Config } = {
  /** Mistral models are llama models with a sliding window. */
  llama: ({ settings }) => {
    const hasWindow = settings.optionalSize("attention.sliding_window") !== undefined;
    return {
      architectures: [hasWindow ? "MistralForCausalLM" : "LlamaForCausalLM"],
      model_type: hasWindow ? "mistral" : "llama",
      hidden_act: "silu",
    };
  },
  qwen2: () => ({ architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", hidden_act: "silu" }),
  qwen3: () => ({ architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", hidden_act: "silu" }),
  phi3: ({ settings, headDim, rotaryDimensions }) => ({
    architectures: ["Phi3ForCausalLM"],
    model_type: "phi3",
    hidden_act: "silu",
    partial_rotary_factor: rotaryDimensions / headDim,
    original_max_position_embeddings:
      settings.optionalSize("rope.scaling.original_context_length") ?? settings.size("context_length"),
  }),
  gemma2: (facts) => ({
    architectures: ["Gemma2ForCausalLM"],
    model_type: "gemma2",
    ...gemmaKeys("gemma2", facts),
    attn_logit_softcapping: facts.settings.number("attn_logit_softcapping"),
    final_logit_softcapping: facts.settings.number("final_logit_softcapping"),
  }),
  gemma3: (facts) => ({
    architectures: ["Gemma3ForCausalLM"],
    model_type: "gemma3_text",
    ...gemmaKeys("gemma3", facts),
    rope_local_base_freq: GEMMA3_LOCAL_BASE,
  }),
};

function gemmaKeys(family: "gemma2" | "gemma3", { settings, width, heads, headDim, layers }: Facts): Config {
  const pattern = settings.optionalSize("attention.sliding_window_pattern") ?? GEMMA_PATTERN[family];
  return {
    hidden_activation: "gelu_pytorch_tanh",
    query_pre_attn_scalar: layers === GEMMA_SCALED_BY_WIDTH[family] ? width / heads : headDim,
    sliding_window: settings.size("attention.sliding_window"),
    sliding_window_pattern: pattern,
    layer_types: Array.from({ length: layers }, (_, layer) =>
      (layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
    ),
  };
}

/**
 * The configuration of a file.
 *
 * @throws SlmError DATA_INVALID for a setting that is missing, malformed or not supported
 */
export async function huggingFaceConfig(source: GgufFile, family: Family): Promise<Config> {
  const settings = new Settings(source, family);
  const width = settings.size("embedding_length");
  const heads = settings.size("attention.head_count");
  const headDim = settings.optionalSize("attention.key_length") ?? width / heads;
  const valueDim = settings.optionalSize("attention.value_length") ?? headDim;
  if (!Number.isInteger(headDim))
    throw invalid(source.file, `${heads} heads do not divide the width ${width}`);
  if (valueDim !== headDim) {
    throw invalid(source.file, `values of ${valueDim} elements with keys of ${headDim} are not supported`);
  }
  rejectExperts(source, settings);
  const rotaryDimensions = settings.optionalSize("rope.dimension_count") ?? headDim;
  const theta = settings.optionalNumber("rope.freq_base") ?? 10_000;
  const layers = settings.size("block_count");
  return {
    ...(await sharedConfig(source, settings, { theta, dimensions: rotaryDimensions })),
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: settings.optionalSize("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    ...slidingWindow(settings),
    ...FAMILY_KEYS[family]({ settings, width, heads, headDim, layers, rotaryDimensions }),
  };
}

async function sharedConfig(
  source: GgufFile,
  settings: Settings,
  rotary: { readonly theta: number; readonly dimensions: number },
): Promise<Config> {
  const names = new Set(source.tensors.map(({ name }) => name));
  const embedding = source.tensors.find(({ name }) => name === "token_embd.weight");
  if (embedding === undefined) throw invalid(source.file, "tensor 'token_embd.weight' is missing");
  return {
    vocab_size: embedding.shape[0],
    intermediate_size: settings.size("feed_forward_length"),
    max_position_embeddings: settings.size("context_length"),
    rms_norm_eps: settings.number("attention.layer_norm_rms_epsilon"),
    rope_theta: rotary.theta,
    rope_scaling: await ropeScaling(source, settings, rotary),
    tie_word_embeddings: !names.has("output.weight"),
    attention_bias: names.has("blk.0.attn_q.bias") || names.has("blk.0.attn_qkv.bias"),
    mlp_bias: names.has("blk.0.ffn_up.bias"),
    ...tokenIds(source),
  };
}

/** A sliding window of all layers (Mistral, Phi-3). Gemma's layers alternate and have separate keys. */
function slidingWindow(settings: Settings): Config {
  const window = settings.optionalSize("attention.sliding_window");
  return window === undefined ? {} : { sliding_window: window };
}

function rejectExperts({ file }: GgufFile, settings: Settings): void {
  const experts = settings.optionalSize("expert_count");
  if (experts !== undefined) throw invalid(file, `a mixture of ${experts} experts is not supported`);
}

/** Ids of special tokens that the file names. */
export function tokenIds(source: GgufFile): Config {
  const ids: Record<string, number> = {};
  for (const [key, name] of [
    ["bos_token_id", "bos_token_id"],
    ["eos_token_id", "eos_token_id"],
    ["pad_token_id", "padding_token_id"],
  ] as const) {
    const id = source.metadata.get(`tokenizer.ggml.${name}`);
    if (typeof id === "number" && Number.isInteger(id) && id >= 0) ids[key] = id;
  }
  return ids;
}
