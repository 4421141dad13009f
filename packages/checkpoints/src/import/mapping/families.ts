/**
 * Differences between the families of decoder-only models. An architecture without an entry is rejected.
 *
 * Source: transformers 4.57, `models/<family>/modeling_<family>.py` and `configuration_<family>.py`.
 */
import { SlmError } from "@slm/core";
import type { DecoderOnlyConfig } from "@slm/model";
import type { ExternalConfig } from "./external-config.js";

export interface Family {
  /** Which linear layers have biases. */
  readonly bias: (config: ExternalConfig, where: string) => DecoderOnlyConfig["bias"];
  /** Default activation of the gate. */
  readonly activation: string;
  /** Key that names the activation. */
  readonly activationKey: "hidden_act" | "hidden_activation";
  /** Default of `tie_word_embeddings`. */
  readonly isTied: boolean;
  readonly qkNorm: boolean;
  /** Post-norms, norm gains stored minus one, embeddings scaled by the square root of the width. */
  readonly isGemma: boolean;
  /** Query, key and value in one matrix, gate and up in another. */
  readonly isFused: boolean;
  /** Whether scores and logits may have a softcap. */
  readonly isCapped: boolean;
  /** Whether a layer has a sliding window if `layer_types` is absent; `undefined`: no layer has. */
  readonly isLocal: ((layer: number, config: ExternalConfig) => boolean) | undefined;
}

/** A family without sliding windows. */
const plain: Family = {
  bias: (config, where) => llamaBias(config, where),
  activation: "silu",
  activationKey: "hidden_act",
  isTied: false,
  qkNorm: false,
  isGemma: false,
  isFused: false,
  isCapped: false,
  isLocal: undefined,
};

const attentionBias: Family["bias"] = ({ attention_bias: bias }) => (bias === true ? "attention" : false);

const everyLayer = (): boolean => true;

/** The first layers have full attention, the others a sliding window if the configuration enables it. */
const qwenLayers: Family["isLocal"] = (
  layer,
  { use_sliding_window: isUsed, max_window_layers: first, num_hidden_layers: count },
) => isUsed === true && layer >= (first ?? count);

/** Every n-th layer has full attention. */
const everyNth =
  (period: number): Family["isLocal"] =>
  (layer, { sliding_window_pattern: pattern }) =>
    (layer + 1) % (pattern ?? period) !== 0;

const gemma: Family = {
  ...plain,
  bias: attentionBias,
  activation: "gelu_pytorch_tanh",
  activationKey: "hidden_activation",
  isTied: true,
  isGemma: true,
  isCapped: true,
  isLocal: everyNth(2),
};

export const FAMILIES: Readonly<Record<string, Family>> = {
  LlamaForCausalLM: plain,
  MistralForCausalLM: { ...plain, bias: () => false, isLocal: everyLayer },
  Qwen2ForCausalLM: { ...plain, bias: () => "query-key-value", isLocal: qwenLayers },
  Qwen3ForCausalLM: { ...plain, bias: attentionBias, qkNorm: true, isLocal: qwenLayers },
  Phi3ForCausalLM: { ...plain, bias: () => false, isFused: true, isLocal: everyLayer },
  Gemma2ForCausalLM: gemma,
  Gemma3ForCausalLM: { ...gemma, qkNorm: true, isLocal: everyNth(6) },
};

/** @throws SlmError CONFIG_INVALID with the architecture and those that are supported. */
export function familyOf({ architectures }: ExternalConfig, where: string): Family {
  const [architecture = ""] = architectures;
  const family = Object.hasOwn(FAMILIES, architecture) ? FAMILIES[architecture] : undefined;
  if (family !== undefined && architectures.length === 1) return family;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: architecture ${architectures.join(", ")} is not supported; ` +
      `supported are ${Object.keys(FAMILIES).join(", ")}`,
    { context: { architectures } },
  );
}

function llamaBias(
  { attention_bias: attention, mlp_bias: mlp }: ExternalConfig,
  where: string,
): DecoderOnlyConfig["bias"] {
  if (mlp !== true) return attention === true ? "attention" : false;
  if (attention === true) return true;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: mlp_bias without attention_bias is not supported`,
  );
}

const GATED_ACTIVATIONS: Readonly<Record<string, "swiglu" | "geglu">> = {
  silu: "swiglu",
  swish: "swiglu",
  gelu_pytorch_tanh: "geglu",
  gelu_new: "geglu",
};

/** @throws SlmError CONFIG_INVALID for an activation without an op, such as exact GELU. */
export function activationOf(family: Family, config: ExternalConfig, where: string): "swiglu" | "geglu" {
  const name = config[family.activationKey] ?? family.activation;
  const activation = Object.hasOwn(GATED_ACTIVATIONS, name) ? GATED_ACTIVATIONS[name] : undefined;
  if (activation !== undefined) return activation;
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: config.json: ${family.activationKey} '${name}' is not supported; expected one of ${Object.keys(GATED_ACTIVATIONS).join(", ")}`,
  );
}
