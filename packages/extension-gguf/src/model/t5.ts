/**
 * Presents GGUF files of T5, FLAN-T5, mT5 and umT5 (`general.architecture` = t5) as external checkpoints, with Hugging Face's names and
 * settings.
 *
 * Source: llama.cpp, `conversion/t5.py`, `src/models/t5.cpp`; gguf-py, `constants.py` and `tensor_mapping.py`.
 */
import { type ExternalCheckpoint, type ExternalTensor, shownName } from "@slm/checkpoints";
import type { GgufFile, GgufTensor } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { readTensor, tensorPieces } from "../file/tensor-data.js";
import { tokenIds } from "./hugging-face-config.js";
import { Settings } from "./settings.js";

/** Outside the layers. */
const OUTER: Readonly<Record<string, string>> = {
  token_embd: "shared",
  output: "lm_head",
  "enc.output_norm": "encoder.final_layer_norm",
  "dec.output_norm": "decoder.final_layer_norm",
};

const SELF_ATTENTION: Readonly<Record<string, string>> = {
  attn_norm: "layer.0.layer_norm",
  attn_q: "layer.0.SelfAttention.q",
  attn_k: "layer.0.SelfAttention.k",
  attn_v: "layer.0.SelfAttention.v",
  attn_o: "layer.0.SelfAttention.o",
  attn_rel_b: "layer.0.SelfAttention.relative_attention_bias",
};

const CROSS_ATTENTION: Readonly<Record<string, string>> = {
  cross_attn_norm: "layer.1.layer_norm",
  cross_attn_q: "layer.1.EncDecAttention.q",
  cross_attn_k: "layer.1.EncDecAttention.k",
  cross_attn_v: "layer.1.EncDecAttention.v",
  cross_attn_o: "layer.1.EncDecAttention.o",
  cross_attn_rel_b: "layer.1.EncDecAttention.relative_attention_bias",
};

/** A feed-forward block, by its place in a layer. */
const feedForward = (place: number, isGated: boolean): Readonly<Record<string, string>> => ({
  ffn_norm: `layer.${place}.layer_norm`,
  ffn_gate: `layer.${place}.DenseReluDense.wi_0`,
  ffn_up: `layer.${place}.DenseReluDense.${isGated ? "wi_1" : "wi"}`,
  ffn_down: `layer.${place}.DenseReluDense.wo`,
});

interface Stack {
  readonly name: string;
  readonly parts: (isGated: boolean) => Readonly<Record<string, string>>;
}

const STACKS: Readonly<Record<string, Stack>> = {
  enc: { name: "encoder", parts: (isGated) => ({ ...SELF_ATTENTION, ...feedForward(1, isGated) }) },
  dec: {
    name: "decoder",
    parts: (isGated) => ({ ...SELF_ATTENTION, ...CROSS_ATTENTION, ...feedForward(2, isGated) }),
  },
};

/** Files do not store it. llama.cpp uses this value, which all published models have. */
const MAX_DISTANCE = 128;

/** @throws SlmError DATA_INVALID for a setting that is missing or not supported, or a tensor that these models do not have */
export function t5Checkpoint(source: GgufFile): ExternalCheckpoint {
  const { file, tensors } = source;
  const traits = traitsOf(source);
  return {
    where: file,
    config: configOf(source, traits),
    tensors: tensors.map((tensor) => externalTensor(file, tensor, traits)),
  };
}

/** Settings that distinguish the families, because files do not name the family. */
interface Traits {
  /** A gate multiplies the feed-forward block: FLAN-T5, mT5, umT5. */
  readonly isGated: boolean;
  /** Every layer has its own bias table: umT5. */
  readonly isPerLayer: boolean;
  readonly isTied: boolean;
}

function traitsOf({ tensors }: GgufFile): Traits {
  const names = tensors.map(({ name }) => name);
  return {
    isGated: names.some((name) => name.endsWith(".ffn_gate.weight")),
    isPerLayer: names.some((name) => /^(?:enc|dec)\.blk\.[1-9]\d*\.attn_rel_b\.weight$/.test(name)),
    isTied: !names.includes("output.weight"),
  };
}

function configOf(source: GgufFile, { isGated, isPerLayer, isTied }: Traits): Record<string, unknown> {
  const { file, tensors } = source;
  const settings = new Settings(source, "t5");
  const embedding = tensors.find(({ name }) => name === "token_embd.weight");
  if (embedding === undefined) throw invalid(file, "tensor 'token_embd.weight' is missing");
  const heads = settings.size("attention.head_count");
  const headDim = settings.size("attention.key_length");
  for (const [key, expected] of [
    ["attention.head_count_kv", heads],
    ["attention.value_length", headDim],
  ] as const) {
    const value = settings.optionalSize(key) ?? expected;
    if (value !== expected)
      throw invalid(file, `t5.${key} is ${value}, expected ${expected} as for queries and keys`);
  }
  const layers = settings.size("block_count");
  return {
    architectures: [isPerLayer ? "UMT5ForConditionalGeneration" : "T5ForConditionalGeneration"],
    model_type: isPerLayer ? "umt5" : "t5",
    is_encoder_decoder: true,
    vocab_size: embedding.shape[0],
    d_model: settings.size("embedding_length"),
    d_kv: headDim,
    d_ff: settings.size("feed_forward_length"),
    num_layers: layers,
    num_decoder_layers: settings.optionalSize("decoder_block_count") ?? layers,
    num_heads: heads,
    relative_attention_num_buckets: settings.size("attention.relative_buckets_count"),
    relative_attention_max_distance: MAX_DISTANCE,
    layer_norm_epsilon: settings.number("attention.layer_norm_rms_epsilon"),
    feed_forward_proj: isGated ? "gated-gelu" : "relu",
    tie_word_embeddings: isTied,
    decoder_start_token_id: settings.optionalToken("decoder_start_token_id"),
    ...tokenIds(source),
  };
}

function externalTensor(file: string, tensor: GgufTensor, traits: Traits): ExternalTensor {
  const name = huggingFaceName(tensor.name, traits);
  if (name === undefined)
    throw invalid(file, `tensor '${shownName(tensor.name)}' does not belong to a model of family t5`);
  return {
    name,
    shape: tensor.shape,
    dtype: tensor.type.name,
    read: () => readTensor(file, tensor),
    readPieces: () => tensorPieces(file, tensor),
  };
}

/** The Hugging Face name of a tensor; undefined if these models do not have the tensor. */
function huggingFaceName(name: string, { isGated }: Traits): string | undefined {
  const parts = /^(?:(enc|dec)\.blk\.(0|[1-9][0-9]{0,3})\.)?([a-z_.]+)\.weight$/.exec(name);
  if (parts === null) return undefined;
  const [, side, layer, part] = parts;
  const stack = side === undefined ? undefined : STACKS[side]!;
  const table = stack?.parts(isGated) ?? OUTER;
  if (part === undefined || !Object.hasOwn(table, part)) return undefined;
  return `${stack === undefined ? "" : `${stack.name}.block.${layer!}.`}${table[part]!}.weight`;
}
