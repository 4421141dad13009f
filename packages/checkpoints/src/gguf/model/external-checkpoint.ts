/** A GGUF file as the importer takes every external checkpoint: Hugging Face's names, order and numbers. */
import type { ExternalCheckpoint, ExternalTensor } from "../../external-checkpoint.js";
import { readGguf, type GgufFile, type GgufTensor } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shown } from "../file/metadata.js";
import { readTensor, tensorPieces } from "../file/tensor-data.js";
import { FAMILIES, familyOf, type Family } from "./families.js";
import { huggingFaceConfig } from "./hugging-face-config.js";
import { restoreRotaryOrder } from "./rotary-order.js";
import { huggingFaceName, SETTING_TENSORS } from "./tensor-names.js";

/**
 * Opens a file. Nothing but its header is read; `read` of a tensor decodes that one alone.
 *
 * @throws SlmError INPUT_MISSING if there is no such file; DATA_INVALID if it is corrupt, of a family or a tensor type
 * that is not read, or has a tensor that its family does not have
 */
export async function openGgufCheckpoint(file: string): Promise<ExternalCheckpoint> {
  return externalCheckpoint(await readGguf(file));
}

/** {@link openGgufCheckpoint} of a file whose header has been read. */
export async function externalCheckpoint(source: GgufFile): Promise<ExternalCheckpoint> {
  rejectParts(source);
  const family = familyOf(source);
  const config = await huggingFaceConfig(source, family);
  const tensors = source.tensors
    .filter(({ name }) => !SETTING_TENSORS.has(name))
    .map((tensor) => externalTensor(source.file, family, tensor, config));
  return { where: source.file, config, tensors };
}

/** Heads of the matrices whose rows are permuted, by the key that counts them. */
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
    throw invalid(file, `tensor '${shown(tensor.name)}' has no place in a model of family ${family}`);
  }
  const { isPermuted, normsPlusOne } = FAMILIES[family];
  const heads = isPermuted ? config[ROTARY_HEADS[name.split(".").slice(3, 5).join(".")] ?? ""] : undefined;
  const isNorm = /norm\.weight$/.test(name);
  const [rows, columns] = [tensor.shape[0]!, tensor.shape[1] ?? 1];
  if (typeof heads === "number" && rows % (2 * heads) !== 0) {
    throw invalid(
      file,
      `tensor '${tensor.name}' has ${rows} rows, which ${heads} heads do not divide in pairs`,
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
