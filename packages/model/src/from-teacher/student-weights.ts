/**
 * The weights of a student from a decoder-only teacher: whole layers; the encoder's have no causal mask.
 *
 * Source: Zhang et al. 2025 (arXiv:2504.06225), section 3: bidirectional attention from causal weights.
 */
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { DecoderOnlyConfig, ModelConfig } from "../config/config.js";
import {
  EMBEDDING_WEIGHT,
  HEAD_WEIGHT,
  LAST_NORM_WEIGHT,
  headWeight,
  parameterSpecs,
} from "../parameters/parameters.js";
import type { ParameterSpec } from "../parameters/parameter-spec.js";
import { toFloat32, type Weights } from "../parameters/weights.js";
import { checkSharedSettings, type ChosenLayers } from "./student-shape.js";

export interface DecoderOnlyModel {
  readonly config: DecoderOnlyConfig;
  readonly weights: Weights;
}

export interface StudentWeightsRequest {
  /** The student. Its vocabulary, width, heads and feed-forward width are the teacher's. */
  readonly config: ModelConfig;
  /** Random weights of the student; new parameters keep them. */
  readonly fresh: Weights;
  readonly teacher: DecoderOnlyModel;
  readonly layers: ChosenLayers;
}

export interface StudentWeights {
  readonly weights: Weights;
  /** Parameters copied from the teacher. */
  readonly fromTeacher: ReadonlySet<string>;
}

/**
 * A student's weights.
 *
 * - Layer i of a side is the teacher's layer `layers[side][i]`. Encoder layers attend in both directions.
 * - Cross-attention, which the teacher does not have, is new, and the gain of the encoder's norm is 1.
 * - A head that the teacher ties and the student does not starts as the embedding.
 *
 * @throws SlmError CONFIG_INVALID for a setting in which the student differs from the teacher, SHAPE_MISMATCH for a teacher's tensor
 * that is missing or has another shape.
 */
export function studentFromTeacher(request: StudentWeightsRequest): StudentWeights {
  const { config, fresh, teacher } = request;
  checkSharedSettings(config, teacher.config);
  const weights = new Map<string, HostTensor>();
  const fromTeacher = new Set<string>();
  for (const spec of parameterSpecs(config)) {
    const found = valueOf(spec, request);
    weights.set(spec.name, found ?? fresh.get(spec.name)!);
    if (found === undefined) continue;
    fromTeacher.add(spec.name);
    if (found.shape.join() !== spec.shape.join())
      throw new SlmError(
        "SHAPE_MISMATCH",
        `initialize: '${spec.name}' should be [${spec.shape.join(", ")}], but the teacher's is [${found.shape.join(", ")}]`,
      );
  }
  return { weights, fromTeacher };
}

const LAYER = /^(encoder|decoder)\.layers\.(\d+)\.(.+)$/u;
const CROSS = /^crossAttention/u;

/** The teacher's values of a parameter; undefined for a new one. */
function valueOf({ name }: ParameterSpec, request: StudentWeightsRequest): HostTensor | undefined {
  const { teacher, layers } = request;
  if (name === HEAD_WEIGHT) return tensorOf(teacher, headWeight(teacher.config));
  if (name === EMBEDDING_WEIGHT || name === LAST_NORM_WEIGHT) return tensorOf(teacher, name);
  if (name === "encoder.norm.weight") return onesLike(tensorOf(teacher, LAST_NORM_WEIGHT));
  const [, side, index, part] = LAYER.exec(name) ?? [];
  if (side === undefined || part === undefined) return undefined;
  const layer = `decoder.layers.${layers[side as keyof ChosenLayers][Number(index)]!}`;
  return CROSS.test(part) ? undefined : tensorOf(teacher, `${layer}.${part}`);
}

function tensorOf({ weights }: DecoderOnlyModel, name: string): HostTensor {
  const found = weights.get(name);
  if (found === undefined) throw new SlmError("SHAPE_MISMATCH", `initialize: the teacher has no '${name}'`);
  return toFloat32(found, name);
}

const onesLike = ({ shape, data }: HostTensor): HostTensor =>
  createHostTensor("float32", shape, new Float32Array(data.length).fill(1));
