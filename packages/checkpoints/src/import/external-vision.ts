/** The fields of a Hugging Face `config.json` that define a vision tower. */
import { SlmError } from "@slm/core";
import type { VisionTower } from "@slm/model";
import { z } from "zod";
import type { ExternalCheckpoint } from "../external-checkpoint.js";

/** Far above any tower. The sizes below decide how much is allocated before a tensor is read. */
const size = z.int().positive().max(1 << 16); // prettier-ignore

/** Differences between families of towers. */
interface VisionFamily {
  readonly hasClassToken: boolean;
  readonly hasPatchBias: boolean;
  readonly hasInputNorm: boolean;
  /** Whether transformers' last_hidden_state is normalized. */
  readonly hasOutputNorm: boolean;
  /** Features that published vision-language models use. */
  readonly features: "last" | number;
  readonly defaults: {
    readonly patch_size: number;
    readonly hidden_act: string;
    readonly layer_norm_eps: number;
  };
}

/** Source: modeling_clip.py and modeling_siglip.py of transformers 4.57, and their configurations' defaults. */
const CLIP: VisionFamily = {
  hasClassToken: true,
  hasPatchBias: false,
  hasInputNorm: true,
  hasOutputNorm: false,
  features: -2,
  defaults: { patch_size: 32, hidden_act: "quick_gelu", layer_norm_eps: 1e-5 },
};
const SIGLIP: VisionFamily = {
  hasClassToken: false,
  hasPatchBias: true,
  hasInputNorm: false,
  hasOutputNorm: true,
  features: "last",
  defaults: { patch_size: 16, hidden_act: "gelu_pytorch_tanh", layer_norm_eps: 1e-6 },
};
const FAMILIES: Readonly<Record<string, VisionFamily>> = {
  clip: CLIP,
  clip_vision_model: CLIP,
  siglip: SIGLIP,
  siglip_vision_model: SIGLIP,
};

/** Supported activations by their names in transformers. "gelu" there is exact; slm's gelu approximates it. */
const ACTIVATIONS: Readonly<Record<string, VisionTower["activation"]>> = {
  quick_gelu: "quickGelu",
  gelu_pytorch_tanh: "gelu",
};

const schema = z.object({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  patch_size: size.optional(),
  hidden_act: z.string().optional(),
  layer_norm_eps: z.number().positive().optional(),
});

export interface ExternalVision {
  readonly family: VisionFamily;
  /** All keys of the file, with defaults. */
  readonly config: {
    readonly [Key in Exclude<keyof z.infer<typeof schema>, "hidden_act">]-?: NonNullable<
      z.infer<typeof schema>[Key]
    >;
  } & { readonly activation: VisionTower["activation"] };
}

/**
 * Checks a configuration of a whole model (`vision_config`) or of a tower alone.
 *
 * @throws SlmError CONFIG_INVALID with the key and the expected value.
 */
export function parseExternalVision({ config, where }: ExternalCheckpoint): ExternalVision {
  const fail = (reason: string): SlmError =>
    new SlmError("CONFIG_INVALID", `${where}: config.json: ${reason}`);
  const type = String(config["model_type"]);
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (family === undefined)
    throw fail(`model_type should be one of ${Object.keys(FAMILIES).join(", ")}, got ${type}`);
  const parsed = schema.safeParse(config["vision_config"] ?? config);
  if (!parsed.success) throw fail(z.prettifyError(parsed.error));
  const { defaults } = family;
  const act = parsed.data.hidden_act ?? defaults.hidden_act;
  const activation = Object.hasOwn(ACTIVATIONS, act) ? ACTIVATIONS[act] : undefined;
  if (activation === undefined)
    throw fail(`hidden_act should be one of ${Object.keys(ACTIVATIONS).join(", ")}, got ${act}`);
  return {
    family,
    config: {
      ...parsed.data,
      patch_size: parsed.data.patch_size ?? defaults.patch_size,
      layer_norm_eps: parsed.data.layer_norm_eps ?? defaults.layer_norm_eps,
      activation,
    },
  };
}
