/** Tiny vision towers in the layout of the model hub, with random weights under the tensor names of CLIP and SigLIP. */
import { createRandom } from "@slm/generation";
import { writeSafetensors } from "@slm/checkpoints";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type TowerFamily = "clip" | "siglip";

const [WIDTH, INNER, PATCH, SIDE, LAYERS] = [8, 12, 8, 16, 3];
const PATCHES = (SIDE / PATCH) ** 2;

/** Differences between CLIP and SigLIP: extra tensors, positions, and image processors. */
const FAMILIES = {
  clip: {
    config: { model_type: "clip", hidden_act: "quick_gelu", layer_norm_eps: 1e-5 },
    more: {
      "embeddings.class_embedding": [WIDTH],
      "pre_layrnorm.weight": [WIDTH],
      "pre_layrnorm.bias": [WIDTH],
    },
    positions: PATCHES + 1,
    processor: {
      image_processor_type: "CLIPImageProcessor",
      size: { shortest_edge: SIDE },
      crop_size: { height: SIDE, width: SIDE },
    },
  },
  siglip: {
    config: { model_type: "siglip", hidden_act: "gelu_pytorch_tanh", layer_norm_eps: 1e-6 },
    more: { "embeddings.patch_embedding.bias": [WIDTH] },
    positions: PATCHES,
    processor: { image_processor_type: "SiglipImageProcessor", size: { height: SIDE, width: SIDE } },
  },
} as const;

function shapes(family: TowerFamily): Readonly<Record<string, readonly number[]>> {
  const { more, positions } = FAMILIES[family];
  const layer = (index: number): [string, readonly number[]][] => {
    const part = (name: string, out: number, into: number): [string, readonly number[]][] => [
      [`encoder.layers.${index}.${name}.weight`, [out, into]],
      [`encoder.layers.${index}.${name}.bias`, [out]],
    ];
    const norm = (name: string): [string, readonly number[]][] =>
      ["weight", "bias"].map((kind) => [`encoder.layers.${index}.${name}.${kind}`, [WIDTH]]);
    return [
      ...["q_proj", "k_proj", "v_proj", "out_proj"].flatMap((name) =>
        part(`self_attn.${name}`, WIDTH, WIDTH),
      ),
      ...part("mlp.fc1", INNER, WIDTH),
      ...part("mlp.fc2", WIDTH, INNER),
      ...["layer_norm1", "layer_norm2"].flatMap(norm),
    ];
  };
  return {
    "embeddings.patch_embedding.weight": [WIDTH, 3, PATCH, PATCH],
    "embeddings.position_embedding.weight": [positions, WIDTH],
    ...more,
    ...Object.fromEntries(Array.from({ length: LAYERS }, (_, index) => layer(index)).flat()),
    "post_layernorm.weight": [WIDTH],
    "post_layernorm.bias": [WIDTH],
  };
}

/**
 * Writes `config.json`, `preprocessor_config.json` and `model.safetensors`.
 *
 * @returns the tensors, under the library's names.
 */
export async function writeExternalTower(
  directory: string,
  family: TowerFamily,
): Promise<ReadonlyMap<string, HostTensor>> {
  const { next } = createRandom(3);
  const tensors = new Map(
    Object.entries(shapes(family)).map(([name, shape]) => {
      const values = Float32Array.from({ length: elementCount(shape) }, () => 0.4 * (next() - 0.5));
      return [`vision_model.${name}`, createHostTensor("float32", shape, values)];
    }),
  );
  const { config, processor } = FAMILIES[family];
  const { model_type, ...vision } = config;
  const sizes = {
    hidden_size: WIDTH,
    intermediate_size: INNER,
    num_hidden_layers: LAYERS,
    num_attention_heads: 2,
    patch_size: PATCH,
    image_size: SIDE,
  };
  await mkdir(directory, { recursive: true });
  await writeSafetensors(join(directory, "model.safetensors"), tensors);
  await writeFile(
    join(directory, "config.json"),
    JSON.stringify({ model_type, vision_config: { ...sizes, ...vision } }),
  );
  await writeFile(join(directory, "preprocessor_config.json"), JSON.stringify(processor));
  return tensors;
}
