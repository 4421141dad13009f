/** Imports the vision tower of a published CLIP or SigLIP, from a whole model or a vision-only checkpoint. */
import { SlmError } from "@slm/core";
import { checkTower, TOWER, towerSpecs, visionTower, type VisionTower, type Weights } from "@slm/model";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { ImageProcessing } from "@slm/vision";
import { type ExternalCheckpoint, type ExternalTensor } from "../external-checkpoint.js";
import { parseExternalVision, type ExternalVision } from "./external-vision.js";

export interface ImportedTower {
  readonly tower: VisionTower;
  /** float32, with the names of `towerSpecs`. */
  readonly weights: Weights;
}

/** The shape of the tower that {@link importVisionTower} reads, without weights. @throws SlmError CONFIG_INVALID as that function does. */
export const importedTowerShape = (external: ExternalCheckpoint, image: ImageProcessing): VisionTower =>
  towerOf(parseExternalVision(external), image, external.where);

/**
 * Reads a tower into memory. Its features are those of published vision-language models, without the class token's: the last but one layer of
 * CLIP, the last of SigLIP. Later layers are left out.
 *
 * @param image preprocessing, from the model's `preprocessor_config.json`
 * @throws SlmError CONFIG_INVALID for a model or setting that is not supported, SHAPE_MISMATCH for a tensor that is missing or has the wrong
 * shape, DATA_INVALID for numbers that are not finite.
 */
export async function importVisionTower(
  external: ExternalCheckpoint,
  image: ImageProcessing,
): Promise<ImportedTower> {
  const { where } = external;
  const vision = parseExternalVision(external);
  const tower = towerOf(vision, image, where);
  const tensors = new Map(external.tensors.map((tensor) => [tensor.name, tensor]));
  const weights = new Map<string, HostTensor>();
  for (const { name, shape } of towerSpecs(tower)) {
    const values = await readTensor(tensors, externalName(name), { shape, where });
    weights.set(name, createHostTensor("float32", shape, values));
  }
  if (vision.family.hasClassToken) await addClassToken(weights, tensors, tower, where);
  return { tower, weights };
}

function towerOf({ family, config }: ExternalVision, image: ImageProcessing, where: string): VisionTower {
  const { features } = family;
  const layers = features === "last" ? config.num_hidden_layers : config.num_hidden_layers + 1 + features;
  const tower = visionTower.parse({
    image,
    patch: { height: config.patch_size, width: config.patch_size },
    width: config.hidden_size,
    layers,
    heads: config.num_attention_heads,
    feedForward: config.intermediate_size,
    activation: config.activation,
    classToken: family.hasClassToken ? "dropped" : "none",
    patchBias: family.hasPatchBias,
    inputNorm: family.hasInputNorm,
    outputNorm: features === "last" && family.hasOutputNorm,
    normEpsilon: config.layer_norm_eps,
  } satisfies VisionTower);
  checkTower(tower, where);
  return tower;
}

/** slm's names to those of transformers, which CLIP and SigLIP share. */
const PARTS: Readonly<Record<string, string>> = {
  attentionNorm: "layer_norm1",
  feedForwardNorm: "layer_norm2",
  "attention.query": "self_attn.q_proj",
  "attention.key": "self_attn.k_proj",
  "attention.value": "self_attn.v_proj",
  "attention.output": "self_attn.out_proj",
  "feedForward.up": "mlp.fc1",
  "feedForward.down": "mlp.fc2",
};
const WHOLE: Readonly<Record<string, string>> = {
  positions: "embeddings.position_embedding.weight",
  "patch.weight": "embeddings.patch_embedding.weight",
  "patch.bias": "embeddings.patch_embedding.bias",
  // The library's own spelling.
  "inputNorm.weight": "pre_layrnorm.weight",
  "inputNorm.bias": "pre_layrnorm.bias",
  "outputNorm.weight": "post_layernorm.weight",
  "outputNorm.bias": "post_layernorm.bias",
};
const PREFIX = "vision_model.";

function externalName(name: string): string {
  const own = name.slice(TOWER.length + 1);
  const layer = /^layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(own);
  if (layer === null) return PREFIX + WHOLE[own]!;
  const [, index = "", part = "", kind = ""] = layer;
  return `${PREFIX}encoder.layers.${index}.${PARTS[part]!}.${kind}`;
}

type Tensors = ReadonlyMap<string, ExternalTensor>;

/** Values of a tensor of the expected size. The weight of a patch convolution has the same memory layout as that of a linear layer over patches. */
async function readTensor(
  tensors: Tensors,
  name: string,
  { shape, where }: { readonly shape: readonly number[]; readonly where: string },
): Promise<Float32Array> {
  const tensor = tensors.get(name);
  const count = elementCount(shape);
  if (tensor === undefined || tensor.shape[0] !== shape[0] || elementCount(tensor.shape) !== count) {
    const got = tensor === undefined ? "nothing" : `[${tensor.shape.join(", ")}]`;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${where}: tensor '${name}' should be [${shape.join(", ")}] according to its configuration, got ${got}`,
    );
  }
  const values = await tensor.read();
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new SlmError(
      "DATA_INVALID",
      `${where}: tensor '${name}' contains ${values[bad]!} at element ${bad}`,
    );
  return values;
}

/** Adds the class embedding to its position embedding: its input row is zero, so it gets only the bias of the patch embedding. */
async function addClassToken(
  weights: Weights,
  tensors: Tensors,
  { width }: VisionTower,
  where: string,
): Promise<void> {
  const token = await readTensor(tensors, `${PREFIX}embeddings.class_embedding`, { shape: [width], where });
  const positions = weights.get(`${TOWER}.positions`)!.data as Float32Array;
  const bias = weights.get(`${TOWER}.patch.bias`)?.data as Float32Array | undefined;
  for (let i = 0; i < width; i++) positions[i] = positions[i]! + token[i]! - (bias?.[i] ?? 0);
}
