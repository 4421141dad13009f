/** What a teacher knows about the labels of a batch, as weights between 0 and 1 for its loss terms. */
import { expectShape } from "../shape-check.js";
import { tf, type Tensor } from "../../recording/tf.js";
import { logProbabilities, rowDot } from "../masked-logits.js";

export const KNOWLEDGE_KINDS = ["probability", "agreement", "certainty"] as const;
export type KnowledgeKind = (typeof KNOWLEDGE_KINDS)[number];

/** token: every position has its own weight. row: all positions of a pair share one. */
export const KNOWLEDGE_UNITS = ["token", "row"] as const;
export type KnowledgeUnit = (typeof KNOWLEDGE_UNITS)[number];

interface Knowledge {
  readonly description: string;
  readonly source: string;
  /** A number per position, `[positions]`, whose mean over a row makes sense. */
  readonly measure: (teacherLogits: Tensor, labels: Tensor) => Tensor;
  /** From such a number, or a mean of them, to a weight. */
  readonly weight: (measure: Tensor) => Tensor;
}

const same = (x: Tensor): Tensor => x;

const oneHot = (labels: Tensor, vocab: number): Tensor =>
  tf.oneHot(tf.cast(labels, "int32"), vocab, 1, 0, "float32");

/** One row per kind: a kind without a row does not compile. */
export const KNOWLEDGE: { readonly [K in KnowledgeKind]: Knowledge } = {
  probability: {
    description: "the teacher's probability of the label; of a row, the geometric mean over its tokens",
    source: "Confidence Conditioned Knowledge Distillation, 2021 (arXiv:2107.06993)",
    measure: (logits, labels) => rowDot(oneHot(labels, logits.shape[1]!), logProbabilities(logits)),
    weight: (measure) => tf.exp(measure),
  },
  agreement: {
    description:
      "1 where the label is the teacher's most probable token, else 0; of a row, the fraction of its tokens",
    source: "Meng, Li, Zhao, Gong 2019 (arXiv:1904.12399)",
    measure: (logits, labels) =>
      tf.cast(
        tf.greaterEqual(rowDot(oneHot(labels, logits.shape[1]!), logits), tf.max(logits, 1)),
        "float32",
      ),
    weight: same,
  },
  certainty: {
    description:
      "1 - entropy of the teacher's distribution / log of the vocabulary's size; needs no label; of a row, the mean over its tokens",
    source: "normalized entropy, the usual measure of confidence where there is no label",
    measure: (logits) => {
      const log = logProbabilities(logits);
      return tf.add(tf.mul(rowDot(tf.exp(log), log), 1 / Math.log(logits.shape[1]!)), 1);
    },
    weight: same,
  },
};

export interface KnowledgeInputs {
  /** `[batch · target, vocab]` */
  readonly teacherLogits: Tensor;
  /** int32 `[batch · target]` */
  readonly labels: Tensor;
  /** `[batch · target]`: 1 for positions that count. */
  readonly mask: Tensor;
  /** Pairs of the batch. */
  readonly batch: number;
}

/**
 * Weights of all positions, `[batch · target]`, each between 0 and 1, and 0 where the mask is. They are constants: no gradient
 * reaches the teacher's logits. Rows without a position that counts have weight 0.
 *
 * @throws SlmError SHAPE_MISMATCH for labels or a mask of another length.
 */
export function teacherKnowledge(
  { teacherLogits, labels, mask, batch }: KnowledgeInputs,
  kind: KnowledgeKind,
  unit: KnowledgeUnit,
): Tensor {
  const [positions] = teacherLogits.shape as [number, number];
  expectShape("teacherKnowledge", "labels", labels, [positions]);
  expectShape("teacherKnowledge", "mask", mask, [positions]);
  const { measure, weight } = KNOWLEDGE[kind];
  const measured = measure(teacherLogits, labels);
  if (unit === "token") return tf.mul(weight(measured), mask);
  const rows = (x: Tensor): Tensor => tf.reshape(x, [batch, positions / batch]);
  const counted = rows(mask);
  const total = tf.sum(tf.mul(rows(measured), counted), 1, true);
  const mean = tf.div(total, tf.maximum(tf.sum(counted, 1, true), 1));
  return tf.reshape(tf.mul(weight(mean), counted), [positions]);
}
