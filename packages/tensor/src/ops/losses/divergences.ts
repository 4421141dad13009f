/** The table of divergences between teacher and student that distillation can minimize. */
import { expectShape } from "../shape-check.js";
import type { Tensor } from "../../recording/tf.js";
import type { MaskedLogits } from "../masked-logits.js";
import { distributionLoss, expectBetween, tempered } from "./distribution-loss.js";
import { forwardKlRows, jensenShannonRows, reverseKlRows, type RowDivergence } from "./row-divergences.js";

export const DIVERGENCE_NAMES = ["forwardKl", "reverseKl", "jensenShannon"] as const;
export type DivergenceName = (typeof DIVERGENCE_NAMES)[number];

export interface DivergenceOptions {
  /** Teacher and student logits are divided by it; above 0. */
  readonly temperature: number;
  /** jensenShannon: weight of the teacher, between 0 and 1. */
  readonly beta: number;
}

/** Temperature 1 and the symmetric Jensen-Shannon divergence. */
export const DIVERGENCE_DEFAULTS: DivergenceOptions = { temperature: 1, beta: 0.5 };

export interface Divergence {
  readonly description: string;
  readonly source: string;
  /**
   * The divergence of softmax(logits / temperature) from softmax(teacherLogits / temperature), averaged over counted positions and multiplied by
   * the square of the temperature, so that the size of the gradient does not depend on the temperature.
   *
   * The teacher is a constant: no gradient reaches its logits. They must be finite; a token without teacher probability has a very negative
   * logit, such as -1e9. reverseKl multiplies that logit by the student's probability of the token, so use a bounded divergence if the teacher
   * distribution is truncated.
   *
   * Shapes: teacherLogits `[positions, vocab]` -> scalar.
   * Units: nats per loss token.
   *
   * @throws SlmError SHAPE_MISMATCH for teacher logits of another shape, CONFIG_INVALID for an option out of bounds.
   */
  compute(masked: MaskedLogits, teacherLogits: Tensor, options: DivergenceOptions): Tensor;
}

interface Row extends Omit<Divergence, "compute"> {
  readonly rowDivergence: (options: DivergenceOptions) => RowDivergence;
}

const divergence = (name: DivergenceName, { rowDivergence, ...facts }: Row): Divergence => ({
  ...facts,
  compute: (masked, teacherLogits, options) => {
    expectShape(name, "teacherLogits", teacherLogits, masked.logits.shape);
    const { temperature } = options;
    const rows = rowDivergence(options);
    return distributionLoss(masked, temperature, (z) => rows(z, tempered(teacherLogits, temperature)));
  },
});

/** One entry per name: a divergence without an entry does not compile. */
export const DIVERGENCES: { readonly [N in DivergenceName]: Divergence } = {
  forwardKl: divergence("forwardKl", {
    description:
      "KL(teacher || student), mode-covering: the student covers everything that the teacher may generate",
    source: "Hinton, Vinyals, Dean 2015, section 2 (arXiv:1503.02531)",
    rowDivergence: () => forwardKlRows,
  }),
  reverseKl: divergence("reverseKl", {
    description:
      "KL(student || teacher), mode-seeking: the student prefers tokens that the teacher finds likely",
    source: "Gu, Dong, Wei, Huang 2024, section 2.1 (arXiv:2306.08543)",
    rowDivergence: () => reverseKlRows,
  }),
  /** beta -> 0: the value over beta tends to forwardKl; beta -> 1: the value over 1 - beta tends to reverseKl. */
  jensenShannon: divergence("jensenShannon", {
    description:
      "beta·KL(teacher || mixture) + (1 - beta)·KL(student || mixture), mixture = beta·teacher + (1 - beta)·student",
    source: "Agarwal et al. 2024, section 2 (arXiv:2306.13649)",
    rowDivergence: ({ beta }) => {
      expectBetween("beta", beta, 0, 1);
      return jensenShannonRows(beta);
    },
  }),
};

/** KL(teacher || student) at temperature 1 [nats per loss token]. */
export const forwardKl = (masked: MaskedLogits, teacherLogits: Tensor): Tensor =>
  DIVERGENCES.forwardKl.compute(masked, teacherLogits, DIVERGENCE_DEFAULTS);

/** KL(student || teacher) at temperature 1 [nats per loss token]. */
export const reverseKl = (masked: MaskedLogits, teacherLogits: Tensor): Tensor =>
  DIVERGENCES.reverseKl.compute(masked, teacherLogits, DIVERGENCE_DEFAULTS);
