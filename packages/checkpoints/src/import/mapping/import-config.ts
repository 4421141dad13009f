/** Converts an external configuration. Factors that slm's configuration lacks are folded into the weights. */
import { SlmError } from "@slm/core";
import { parseModelConfig, type DecoderOnlyConfig } from "@slm/model";
import { type ExternalCheckpoint } from "../../external-checkpoint.js";
import { familyOf, activationOf, type Family } from "./families.js";
import { parseExternalConfig, type ExternalConfig } from "./external-config.js";
import { globalRotation, slidingRotation, type RotationRequest } from "./rotation.js";

export interface ImportOptions {
  /** Longest source and target [tokens]. Default: 1024 and 256, or less if the model supports fewer positions. */
  readonly maxSource?: number | undefined;
  readonly maxTarget?: number | undefined;
  /** Ids of the special tokens, usually the tokenizer's. Default: those of the external configuration. */
  readonly tokens?: DecoderOnlyConfig["tokens"] | undefined;
}

export interface ImportedConfig {
  readonly config: DecoderOnlyConfig;
  readonly family: Family;
  /** Factor on queries: the scale of attention scores in addition to 1/sqrt(headDim). */
  readonly queryScale: number;
  /** Factor on embedded tokens. */
  readonly embeddingScale: number;
}

/**
 * Default longest source [tokens]. The KV cache grows with source and target positions, so the 100,000 positions of some models are not the
 * default.
 */
const DEFAULT_SOURCE = 1024;
const DEFAULT_TARGET = 256;

/** @throws SlmError CONFIG_INVALID with the unsupported or inconsistent setting. */
export function importConfig(external: ExternalCheckpoint, options: ImportOptions = {}): ImportedConfig {
  const { where } = external;
  const source = parseExternalConfig(external);
  // Every layer has tensors, so a larger count means a corrupt file. Checked before anything is allocated per layer.
  if (source.num_hidden_layers > external.tensors.length) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${where}: config.json has ${source.num_hidden_layers} layers, but there are only ${external.tensors.length} tensors in all`,
    );
  }
  const family = familyOf(source, where);
  const heads = source.num_attention_heads;
  const headDim = source.head_dim ?? source.hidden_size / heads;
  const { maxSource, maxTarget } = lengthsOf(source, options, where);
  const request: RotationRequest = { config: source, headDim, capacity: maxSource + maxTarget, where };
  const { factor, ...rotation } = globalRotation(request);
  const isTied = source.tie_word_embeddings ?? family.isTied;
  const config = parseModelConfig(
    {
      architecture: "decoder-only",
      width: source.hidden_size,
      heads,
      kvHeads: source.num_key_value_heads ?? heads,
      headDim,
      feedForward: source.intermediate_size,
      decoderLayers: source.num_hidden_layers,
      maxSource,
      maxTarget,
      ...rotation,
      normEpsilon: source.rms_norm_eps,
      bias: family.bias(source, where),
      headOrder: "grouped",
      activation: activationOf(family, source, where),
      ...(family.qkNorm ? { qkNorm: true } : {}),
      ...(family.isGemma ? { postNorm: true } : {}),
      ...(isTied ? {} : { tieWordEmbeddings: false }),
      ...(family.isCapped ? caps(source) : {}),
      ...slidingLayers(family, request),
      vocabularySize: source.vocab_size,
      tokens: options.tokens ?? tokensOf(source, where),
    },
    `${where}: config.json`,
  );
  if (config.architecture !== "decoder-only") throw new SlmError("UNEXPECTED", "import: not decoder-only");
  const scalar = family.isGemma ? (source.query_pre_attn_scalar ?? headDim) : headDim;
  return {
    config,
    family,
    queryScale: Math.sqrt(headDim / scalar) * factor ** 2,
    embeddingScale: family.isGemma ? Math.sqrt(source.hidden_size) : 1,
  };
}

/**
 * The requested lengths. By default, lengths up to the original training length: beyond it, some models change the rotation of all positions,
 * even near ones.
 *
 * @throws SlmError CONFIG_INVALID if they exceed the model's positions
 */
export function lengthsOf(
  {
    max_position_embeddings: positions,
    original_max_position_embeddings: original,
  }: Pick<ExternalConfig, "max_position_embeddings" | "original_max_position_embeddings">,
  options: Pick<ImportOptions, "maxSource" | "maxTarget">,
  where: string,
): { readonly maxSource: number; readonly maxTarget: number } {
  const room = Math.min(positions, original ?? positions);
  const maxTarget = options.maxTarget ?? Math.max(1, Math.min(DEFAULT_TARGET, Math.floor(room / 4)));
  const maxSource = options.maxSource ?? Math.max(1, Math.min(DEFAULT_SOURCE, room - maxTarget));
  if (maxSource + maxTarget <= positions) return { maxSource, maxTarget };
  throw new SlmError(
    "CONFIG_INVALID",
    `${where}: the model has ${positions} positions (max_position_embeddings), but the request needs ` +
      `${maxSource} for the source and ${maxTarget} for the target`,
    { suggestions: ["--max-source", "--max-target"] },
  );
}

function caps(source: ExternalConfig): Pick<DecoderOnlyConfig, "attentionSoftcap" | "logitSoftcap"> {
  const { attn_logit_softcapping: scores, final_logit_softcapping: logits } = source;
  return {
    ...(scores == null ? {} : { attentionSoftcap: scores }),
    ...(logits == null ? {} : { logitSoftcap: logits }),
  };
}

const LAYER_KINDS = ["full_attention", "sliding_attention"];

function slidingLayers(family: Family, request: RotationRequest): Pick<DecoderOnlyConfig, "slidingWindow"> {
  const { config, where } = request;
  const { layer_types: kinds, num_hidden_layers: count, sliding_window: window } = config;
  const unknown = kinds?.find((kind) => !LAYER_KINDS.includes(kind));
  if (unknown !== undefined) throw invalid(where, `layer type '${unknown}' is not supported`);
  if (kinds != null && kinds.length !== count) {
    throw invalid(where, `layer_types has ${kinds.length} entries for ${count} layers`);
  }
  const isLocal = (layer: number): boolean =>
    kinds == null ? family.isLocal?.(layer, config) === true : kinds[layer] === "sliding_attention";
  const layers = Array.from({ length: count }, (_, layer) => layer).filter(isLocal);
  if (layers.length === 0) return {};
  if (window == null) {
    // Without a window every layer has full attention; only sliding layers need one.
    if (kinds == null) return {};
    throw invalid(where, "layer_types contains sliding layers, but there is no sliding_window");
  }
  const rotation = slidingRotation(request);
  if (rotation?.ropeInverseFrequencies !== undefined) {
    throw invalid(where, "rotary scaling of sliding layers is not supported");
  }
  return { slidingWindow: { window, layers, ropeTheta: rotation?.ropeTheta } };
}

function tokensOf(source: ExternalConfig, where: string): DecoderOnlyConfig["tokens"] {
  const eos = Array.isArray(source.eos_token_id) ? source.eos_token_id[0] : source.eos_token_id;
  if (eos == null) throw invalid(where, "there is no eos_token_id");
  const pad = source.pad_token_id ?? eos;
  return { pad, bos: source.bos_token_id ?? eos, eos, unknown: pad };
}

const invalid = (where: string, message: string): SlmError =>
  new SlmError("CONFIG_INVALID", `${where}: config.json: ${message}`);
