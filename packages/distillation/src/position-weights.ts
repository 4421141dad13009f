/**
 * How much each position of a batch counts in the teacher's terms and in cross-entropy.
 *
 * With a the sum of the weights of the terms that compare distributions, c that of cross-entropy, w what the teacher knows about a gold
 * label, r its confidence in a row that it labelled itself (1 for gold rows), and f the factor of the teacher's terms:
 *
 *   gold rows          f·w·a · divergence  +  (c + a·(1 - f·w)) · cross-entropy
 *   teacher's rows     r · (f·a · divergence  +  (c + a·(1 - f)) · cross-entropy)
 *   student's samples  f·a · divergence on the sample  +  (c + a·(1 - f)) · cross-entropy on the gold target
 *
 * The two weights of a gold position sum to a + c always, so the learning rate means the same. With w 0 or 1 this is conditional
 * teacher-student learning (arXiv:1904.12399). Where nothing is set, the masks stay as they are.
 */
import { math, teacherKnowledge, type Tensor, type TensorSpec } from "@slm/tensor";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { PassShape } from "@slm/training";
import { distributionWeight, requiresDistributions, type LossConfig } from "./loss-config.js";

/** Scalar input: the factor of the teacher's terms at a step, see `teacher-factor.ts`. */
export const TEACHER_FACTOR = "teacherFactor";

/** Input `[batch]`: the teacher's confidence in the targets that it wrote, 1 for all others. */
const CONFIDENCE = "row.confidence";

/** Input `[batch]`: 1 for rows with gold targets, 0 for those of the teacher. */
const IS_GOLD = "row.isGold";

interface Situation {
  readonly loss: LossConfig;
  /** Whether cross-entropy and the teacher's terms have the same targets; only then the teacher can know about labels. */
  readonly isShared: boolean;
}

const weighsRows = ({ loss, isShared }: Situation): boolean => loss.teacherWeight !== undefined && isShared;

/** Inputs that {@link weighPositions} reads; none by default. */
export function weightSpecs(situation: Situation, { batch }: PassShape): Record<string, TensorSpec> {
  const specs: Record<string, TensorSpec> = {};
  const rows: TensorSpec = { dtype: "float32", shape: [batch] };
  if (weighsRows(situation)) {
    specs[CONFIDENCE] = rows;
    if (requiresDistributions(situation.loss)) specs[IS_GOLD] = rows;
  }
  if (situation.loss.teacherFactor !== undefined) specs[TEACHER_FACTOR] = { dtype: "float32", shape: [] };
  return specs;
}

/**
 * Values of the inputs of one batch besides {@link TEACHER_FACTOR}. Missing rows of a batch have no positions that count.
 *
 * @param confidences of the teacher in its own targets, between 0 and 1; undefined for gold targets
 */
export function weightFeeds(
  loss: LossConfig,
  confidences: readonly number[] | undefined,
  { batch }: PassShape,
): Record<string, HostTensor> {
  if (loss.teacherWeight === undefined) return {};
  const rows = (values: Float32Array): HostTensor => createHostTensor("float32", [batch], values);
  const confidence = new Float32Array(batch).fill(1);
  if (confidences !== undefined) confidence.set(confidences);
  const isGold = new Float32Array(batch).fill(confidences === undefined ? 1 : 0);
  return { [CONFIDENCE]: rows(confidence), [IS_GOLD]: rows(isGold) };
}

export interface PositionMasks {
  /** `[positions]`: of the teacher's terms. */
  readonly distilled: Tensor;
  /** `[positions]`: of cross-entropy. */
  readonly labelled: Tensor;
}

export interface WeighInputs extends Situation {
  readonly shape: PassShape;
  readonly x: Readonly<Record<string, Tensor>>;
  /** int32 `[positions]` */
  readonly labels: Tensor;
}

/** Masks with the weights of their positions in place of ones, and the weights as logged: mean teacher weight, and factor. */
export function weighPositions(
  masks: PositionMasks,
  inputs: WeighInputs,
): { readonly masks: PositionMasks; readonly logged: Readonly<Record<string, Tensor>> } {
  const { loss, x } = inputs;
  const rows = weighsRows(inputs) ? spreadRows(x[CONFIDENCE]!, inputs.shape) : undefined;
  const known = knowledge(masks, inputs);
  const factor = x[TEACHER_FACTOR];
  const taught = product(known, factor);
  const takenOver = distributionWeight(loss) / loss.crossEntropy;
  const labels = taught && math.add(math.mul(math.sub(1, taught), takenOver), 1);
  const distilled = product(rows, taught);
  const labelled = product(rows, labels);
  const counted = known && math.sum(math.mul(masks.labelled, math.mul(rows!, known)));
  return {
    masks: {
      distilled: product(masks.distilled, distilled)!,
      labelled: product(masks.labelled, labelled)!,
    },
    logged: {
      ...(counted === undefined ? {} : { teacherWeight: math.div(counted, math.sum(masks.labelled)) }),
      ...(factor === undefined ? {} : { [TEACHER_FACTOR]: factor }),
    },
  };
}

/** Names of what {@link weighPositions} logs. */
export const loggedWeights = (situation: Situation): string[] => [
  ...(weighsRows(situation) && requiresDistributions(situation.loss) ? ["teacherWeight"] : []),
  ...(situation.loss.teacherFactor === undefined ? [] : [TEACHER_FACTOR]),
];

/** What the teacher knows about each label of gold rows, and 1 for its own, `[positions]`. */
function knowledge(masks: PositionMasks, inputs: WeighInputs): Tensor | undefined {
  const { loss, x, labels, shape } = inputs;
  if (!weighsRows(inputs) || !requiresDistributions(loss)) return undefined;
  const { by, per } = loss.teacherWeight!;
  const of = { teacherLogits: x["teacher"]!, labels, mask: masks.distilled, batch: shape.batch };
  const isGold = spreadRows(x[IS_GOLD]!, shape);
  return math.add(math.mul(teacherKnowledge(of, by, per), isGold), math.sub(1, isGold));
}

/** `[batch]` -> `[batch · target]`: each row's number at all its positions. */
const spreadRows = (rows: Tensor, { batch, target }: PassShape): Tensor =>
  math.reshape(math.add(math.reshape(rows, [batch, 1]), math.zeros([batch, target])), [batch * target]);

/** The product of what is defined. */
const product = (a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined =>
  a === undefined || b === undefined ? (a ?? b) : math.mul(a, b);
