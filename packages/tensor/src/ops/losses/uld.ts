/** Distillation between models of different vocabularies (ULD): compares probabilities by rank, not by token. */
import { expectShape } from "../shape-check.js";
import { tf, type Tensor } from "../../recording/tf.js";
import { column, rowDot, type MaskedLogits } from "../masked-logits.js";
import { distributionLoss, tempered } from "./distribution-loss.js";
import { int } from "@slm/onnx";
import { activeRecorder } from "../../recording/recorder.js";

// Top-k of each row, and the inverse: scattering ranked values back to their positions.

interface RankedRows {
  /** Largest first; equal values keep their order. `[rows, ranks]` */
  readonly values: Tensor;
  /** Index of each value in its row, int32 `[rows, ranks]`. */
  readonly places: Tensor;
}

/** The `ranks` largest values of each row of x `[rows, size]`. */
function rankRows(x: Tensor, ranks: number): RankedRows {
  const { values, indices } = tf.topk(x, ranks, true);
  return { values, places: indices };
}

/**
 * Scatters ranked values back: out[row, places[row, i]] = ranked[row, i], zero elsewhere.
 *
 * The indices of a row are distinct, so the order of writing does not matter.
 *
 * Shapes: ranked and places `[rows, ranks]` -> `[rows, size]`.
 */
function unrankRows(ranked: Tensor, places: Tensor, size: number): Tensor {
  const [rows, ranks] = ranked.shape as [number, number];
  const recorder = activeRecorder();
  if (recorder !== undefined) {
    const zeros = recorder.fill(0, [rows, size], "float32");
    return recorder.record("ScatterElements", [zeros, places, ranked], [rows, size], {
      attributes: { axis: int(-1) },
    });
  }
  const starts = tf.mul(tf.reshape(tf.range(0, rows, 1, "int32"), [rows, 1]), tf.scalar(size, "int32"));
  const flatPlaces = tf.reshape(tf.add(places, starts), [rows * ranks, 1]);
  const flat = tf.scatterND(flatPlaces, tf.reshape(ranked, [rows * ranks]), [rows * size]);
  return tf.reshape(flat, [rows, size]);
}

export interface UldOptions {
  /** Teacher and student logits are divided by it. Default 1. */
  readonly temperature?: number;
  /** Whether every row of the teacher's logits is already sorted, largest first. Default false. */
  readonly teacherSorted?: boolean;
}

/**
 * Universal logit distillation: the sum over ranks of |student's probability of that rank - teacher's|, averaged over
 * loss tokens; the smaller vocabulary is padded with zeros. Multiplied by the temperature, once, because the
 * loss is of first order in the difference of logits.
 *
 * Only as many ranks are sorted as the smaller vocabulary has: beyond them one side is zero, and the other adds its
 * remaining probability. A teacher cached as a few logits per position, largest first, is therefore cheap. Sorting a whole
 * vocabulary takes ONNX Runtime far longer than the rest of a loss (8,192 tokens: about 30 times the passes of forwardKl).
 *
 *   q = softmax(z) -> rank -> |q_i - p_i|, + 1 - sum of the ranked q_i
 *   slope: d = sign(q_i - p_i) - 1 back in its place, q ∘ (d - sum q·d)
 *
 * Shapes: teacherLogits `[positions, teacherVocab]` -> scalar. No gradient reaches the teacher's logits.
 * Units: probability per loss token, at most 2.
 * Source: Boizard et al. 2024, section 3 (arXiv:2402.12030).
 * Passes over `[positions, vocab]`: a softmax and a ranking forward, 5 backward; over the teacher's logits the same two forward.
 *
 * @throws SlmError SHAPE_MISMATCH for another number of positions, CONFIG_INVALID for a temperature not above 0.
 */
export function uld(masked: MaskedLogits, teacherLogits: Tensor, options: UldOptions = {}): Tensor {
  const { temperature = 1, teacherSorted = false } = options;
  const [positions, vocab] = masked.logits.shape as [number, number];
  expectShape("uld", "teacherLogits", teacherLogits, [positions, null]);
  const teacherVocab = teacherLogits.shape[1]!;
  const ranks = Math.min(vocab, teacherVocab);
  return distributionLoss(masked, { temperature, power: 1 }, (z) => {
    const teacher = tf.softmax(tempered(teacherLogits, temperature));
    const p = teacherSorted ? tf.slice(teacher, [0, 0], [positions, ranks]) : rankRows(teacher, ranks).values;
    const student = tf.softmax(z);
    const { values: q, places } = rankRows(student, ranks);
    const difference = tf.sub(q, p);
    const sign = tf.sign(difference);
    const shared = rowDot(difference, sign);
    return {
      rows: vocab === teacherVocab ? shared : tf.add(shared, rest(vocab > teacherVocab ? q : p)),
      saved: [student, q, sign, places],
      slope: (saved) => {
        const [savedStudent, savedQ, savedSign, savedPlaces] = saved as [Tensor, Tensor, Tensor, Tensor];
        // Adding a constant to all slopes of a row does not change the gradient through the softmax, so 1 is subtracted here instead of
        // being added to the slopes of the unranked tokens.
        const slopes = ranks < vocab ? tf.sub(savedSign, 1) : savedSign;
        const inner = column(rowDot(savedQ, slopes));
        return tf.mul(savedStudent, tf.sub(unrankRows(slopes, savedPlaces, vocab), inner));
      },
      slopeScale: 1,
    };
  });
}

/** The probability that the ranked tokens leave to the rest of the larger vocabulary, `[positions]`. */
const rest = (ranked: Tensor): Tensor => tf.sub(1, tf.sum(ranked, -1));
