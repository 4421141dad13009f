/** The external tensor of each parameter of slm, and the conversion of its values. */
import { EMBEDDING_WEIGHT, HEAD_WEIGHT, parameterSpecs, type ParameterSpec } from "@slm/model";
import type { Family } from "./families.js";
import type { ImportedConfig } from "./import-config.js";

export interface WeightSource {
  readonly parameter: ParameterSpec;
  /** Name of the external tensor. */
  readonly name: string;
  /** Shape that the external tensor must have. */
  readonly shape: readonly number[];
  /** First row to read of the external tensor; reads as many rows as the parameter has. */
  readonly firstRow: number;
  /** slm's number is (external + shift) · scale. */
  readonly shift: number;
  readonly scale: number;
  /** Values that the file does not contain: its model computes them. */
  readonly computed?: (() => Float32Array) | undefined;
}

const LAYER = /^decoder\.layers\.(\d+)\.(.+)$/;

/** slm's names of the parts of a layer. */
const PARTS: Readonly<Record<string, string>> = {
  attentionNorm: "input_layernorm",
  feedForwardNorm: "post_attention_layernorm",
  "attention.query": "self_attn.q_proj",
  "attention.key": "self_attn.k_proj",
  "attention.value": "self_attn.v_proj",
  "attention.output": "self_attn.o_proj",
  "attention.queryNorm": "self_attn.q_norm",
  "attention.keyNorm": "self_attn.k_norm",
  "feedForward.gate": "mlp.gate_proj",
  "feedForward.up": "mlp.up_proj",
  "feedForward.down": "mlp.down_proj",
};

/** Gemma's second norm is the post-norm of the first branch; in other families it is the pre-norm of the second branch. */
const GEMMA_PARTS: Readonly<Record<string, string>> = {
  ...PARTS,
  attentionPostNorm: "post_attention_layernorm",
  feedForwardNorm: "pre_feedforward_layernorm",
  feedForwardPostNorm: "post_feedforward_layernorm",
};

/** Parts of one external matrix, in row order. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  "self_attn.qkv_proj": ["attention.query", "attention.key", "attention.value"],
  "mlp.gate_up_proj": ["feedForward.gate", "feedForward.up"],
};

const isNorm = (name: string): boolean => /norm\.weight$/i.test(name);

/** The source of every parameter, in the model's order. */
export function weightSources(imported: ImportedConfig): readonly WeightSource[] {
  const specs = parameterSpecs(imported.config);
  const rows = new Map(specs.map(({ name, shape }) => [name, shape[0]!]));
  return specs.map((parameter) => ({
    parameter,
    ...place(parameter, imported.family, rows),
    shift: imported.family.isGemma && isNorm(parameter.name) ? 1 : 0,
    scale: scaleOf(parameter.name, imported),
  }));
}

type Place = Pick<WeightSource, "name" | "shape" | "firstRow">;

function place({ name, shape }: ParameterSpec, family: Family, rows: ReadonlyMap<string, number>): Place {
  const whole = (external: string): Place => ({ name: external, shape, firstRow: 0 });
  if (name === EMBEDDING_WEIGHT) return whole("model.embed_tokens.weight");
  if (name === HEAD_WEIGHT) return whole("lm_head.weight");
  const layer = LAYER.exec(name);
  if (layer === null) return whole("model.norm.weight");
  const [, index = "", rest = ""] = layer;
  const dot = rest.lastIndexOf(".");
  const [part, kind] = [rest.slice(0, dot), rest.slice(dot + 1)];
  const prefix = `model.layers.${index}`;
  const fused = family.isFused ? Object.entries(FUSED).find(([, parts]) => parts.includes(part)) : undefined;
  if (fused === undefined)
    return whole(`${prefix}.${(family.isGemma ? GEMMA_PARTS : PARTS)[part] ?? part}.${kind}`);
  const [external, parts] = fused;
  const heights = parts.map((other) => rows.get(`decoder.layers.${index}.${other}.${kind}`) ?? 0);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    name: `${prefix}.${external}.${kind}`,
    shape: [sum(heights), ...shape.slice(1)],
    firstRow: sum(heights.slice(0, parts.indexOf(part))),
  };
}

/**
 * Factor to fold into a weight: the scale of scores into queries, or into the gain of their norm; the scale of embeddings into the embedding
 * table, and its inverse into the final norm if the table is also the output head.
 */
function scaleOf(name: string, { config, queryScale, embeddingScale }: ImportedConfig): number {
  if (name === EMBEDDING_WEIGHT) return embeddingScale;
  if (name === "decoder.norm.weight") return config.tieWordEmbeddings === false ? 1 : 1 / embeddingScale;
  const scaled =
    config.qkNorm === true ? /\.attention\.queryNorm\.weight$/ : /\.attention\.query\.(weight|bias)$/;
  return scaled.test(name) ? queryScale : 1;
}
