/** Presents a GGUF file as an external checkpoint for the importer, with Hugging Face's names, row order and values. */
import { type ExternalCheckpoint, type ExternalTensor, shownName } from "@slm/checkpoints";
import { readGguf, type GgufFile, type GgufTensor } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { readTensor, tensorPieces } from "../file/tensor-data.js";
import { FAMILIES, familyOf, type Family } from "./families.js";
import { huggingFaceConfig } from "./hugging-face-config.js";
import { t5Checkpoint } from "./t5.js";

// Names of llama.cpp to names of Hugging Face. Source: llama.cpp, gguf-py `constants.py` and `tensor_mapping.py`.

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

/** For families with pre-norms only: Hugging Face names the second norm after the attention that precedes it. */
const INNER_NORMS: Readonly<Record<string, string>> = { ffn_norm: "post_attention_layernorm" };

const OUTER_NORMS: Readonly<Record<string, string>> = {
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

/** Tensors with settings, which become part of the configuration. */
const SETTING_TENSORS: ReadonlySet<string> = new Set([
  "rope_freqs.weight",
  "rope_factors_long.weight",
  "rope_factors_short.weight",
]);

/** The Hugging Face name of a tensor; undefined if the family does not have the tensor. */
function huggingFaceName(family: Family, name: string): string | undefined {
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

/**
 * Reorders the rows of a llama q or k matrix (or bias) to Hugging Face's order, in place.
 *
 * Within a head of 2n rows ggml stores rows that rotate together next to each other: row 2i + s is row s · n + i of the original. Source:
 * llama.cpp, convert_hf_to_gguf.py (`LlamaModel.permute`).
 *
 * Shapes: values `[heads · headDim, columns]`.
 */
function restoreRotaryOrder(values: Float32Array, heads: number, columns: number): void {
  const headElements = values.length / heads;
  const half = headElements / columns / 2;
  const stored = new Float32Array(headElements);
  for (let head = 0; head < heads; head += 1) {
    const start = head * headElements;
    stored.set(values.subarray(start, start + headElements));
    for (let i = 0; i < half; i += 1) {
      for (const side of [0, 1]) {
        const from = (2 * i + side) * columns;
        values.set(stored.subarray(from, from + columns), start + (side * half + i) * columns);
      }
    }
  }
}

/**
 * Opens a file. Reads only its header; `read` of a tensor decodes only that tensor.
 *
 * @throws SlmError INPUT_MISSING if the file does not exist; DATA_INVALID if it is corrupt, has an unsupported family or tensor type, or has a
 * tensor that its family does not have
 */
export async function openGgufCheckpoint(file: string): Promise<ExternalCheckpoint> {
  return externalCheckpoint(await readGguf(file));
}

/** Like {@link openGgufCheckpoint}, for a file whose header has been read. */
export async function externalCheckpoint(source: GgufFile): Promise<ExternalCheckpoint> {
  rejectParts(source);
  const family = familyOf(source);
  if (family === "t5") return t5Checkpoint(source);
  const config = await huggingFaceConfig(source, family);
  const tensors = source.tensors
    .filter(({ name }) => !SETTING_TENSORS.has(name))
    .map((tensor) => externalTensor(source.file, family, tensor, config));
  return { where: source.file, config, tensors };
}

/** Metadata key of the number of heads of each matrix with permuted rows. */
const ROTARY_HEADS: Readonly<Record<string, string>> = {
  "self_attn.q_proj": "num_attention_heads",
  "self_attn.k_proj": "num_key_value_heads",
};

function externalTensor(
  file: string,
  family: Family,
  tensor: GgufTensor,
  config: Readonly<Record<string, unknown>>,
): ExternalTensor {
  const name = huggingFaceName(family, tensor.name);
  if (name === undefined) {
    throw invalid(file, `tensor '${shownName(tensor.name)}' does not belong to a model of family ${family}`);
  }
  const { isPermuted, normsPlusOne } = FAMILIES[family];
  const heads = isPermuted ? config[ROTARY_HEADS[name.split(".").slice(3, 5).join(".")] ?? ""] : undefined;
  const isNorm = /norm\.weight$/.test(name);
  const [rows, columns] = [tensor.shape[0]!, tensor.shape[1] ?? 1];
  if (typeof heads === "number" && rows % (2 * heads) !== 0) {
    throw invalid(
      file,
      `tensor '${tensor.name}' has ${rows} rows, which cannot be split into pairs in ${heads} heads`,
    );
  }
  const outline = { name, shape: tensor.shape, dtype: tensor.type.name };
  if (typeof heads === "number") {
    return {
      ...outline,
      async read() {
        const values = await readTensor(file, tensor);
        restoreRotaryOrder(values, heads, columns);
        return values;
      },
    };
  }
  if (isNorm && normsPlusOne) {
    return { ...outline, read: async () => (await readTensor(file, tensor)).map((value) => value - 1) };
  }
  return {
    ...outline,
    read: () => readTensor(file, tensor),
    readPieces: () => tensorPieces(file, tensor),
  };
}

function rejectParts({ file, metadata }: GgufFile): void {
  const parts = metadata.get("split.count");
  if (typeof parts !== "number" || parts <= 1) return;
  throw invalid(
    file,
    `it is one of ${parts} parts; merge them first: llama-gguf-split --merge FIRST_PART OUTPUT`,
  );
}
