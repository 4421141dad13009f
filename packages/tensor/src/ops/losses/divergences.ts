/** The table of divergences between teacher and student that distillation may minimize. */
import { expectShape } from "../shape-check.js";
import type { Tensor } from "../../recording/tf.js";
import type { MaskedLogits } from "../masked-logits.js";
import { distributionLoss, expectBetween, tempered } from "./distribution-loss.js";
import { entropyAwareKlRows } from "./entropy-divergence.js";
import { jensenShannonRows, skewKlRows, skewReverseKlRows } from "./mixture-divergences.js";
import { forwardKlRows, reverseKlRows, totalVariationRows, type RowDivergence } from "./plain-divergences.js";

export const DIVERGENCE_NAMES = [
  "forwardKl",
  "reverseKl",
  "jensenShannon",
  "skewKl",
  "skewReverseKl",
  "totalVariation",
  "entropyAwareKl",
] as const;
export type DivergenceName = (typeof DIVERGENCE_NAMES)[number];

export interface DivergenceOptions {
  /** Teacher and student logits are divided by it; above 0. */
  readonly temperature: number;
  /** jensenShannon: weight of the teacher, between 0 and 1. */
  readonly beta: number;
  /** skewKl, skewReverseKl: fraction of the first distribution that is mixed into the second, between 0 and 1. */
  readonly skew: number;
  /** entropyAwareKl: teacher entropy above which forward KL is added; not negative [nats]. */
  readonly entropyThreshold: number;
}

/**
 * Temperature 1, the symmetric Jensen-Shannon divergence, the skew of the DistiLLM paper, and the entropy of a choice between two
 * equally probable tokens.
 */
export const DIVERGENCE_DEFAULTS: DivergenceOptions = {
  temperature: 1,
  beta: 0.5,
  skew: 0.1,
  entropyThreshold: Math.LN2,
};

export interface Divergence {
  readonly description: string;
  readonly source: string;
  /**
   * Power of the temperature that multiplies the value, so that the gradient scale does not depend on the temperature: 2 for
   * a divergence of second order in the difference of logits, 1 for one of first order.
   */
  readonly temperaturePower: 1 | 2;
  /**
   * The divergence of softmax(logits / temperature) from softmax(teacherLogits / temperature), averaged over counted
   * positions and multiplied by temperature^temperaturePower.
   *
   * The teacher is a constant: no gradient reaches its logits. They must be finite; a token without teacher probability has a
   * very negative logit, such as -1e9. reverseKl multiplies that logit by the student's probability of the token, so use a
   * bounded divergence if the teacher distribution is truncated.
   *
   * Shapes: teacherLogits `[positions, vocab]` -> scalar.
   * Units: nats per loss token; totalVariation: probability per loss token.
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
    return distributionLoss(masked, { temperature, power: facts.temperaturePower }, (z) =>
      rows(z, tempered(teacherLogits, temperature)),
    );
  },
});

/** One row per name: a divergence without a row does not compile. */
export const DIVERGENCES: { readonly [N in DivergenceName]: Divergence } = {
  forwardKl: divergence("forwardKl", {
    description:
      "KL(teacher || student), mode-covering: the student covers everything that the teacher may generate",
    source: "Hinton, Vinyals, Dean 2015, section 2 (arXiv:1503.02531)",
    temperaturePower: 2,
    rowDivergence: () => forwardKlRows,
  }),
  reverseKl: divergence("reverseKl", {
    description:
      "KL(student || teacher), mode-seeking: the student keeps to tokens that the teacher finds likely",
    source: "Gu, Dong, Wei, Huang 2024, section 2.1 (arXiv:2306.08543)",
    temperaturePower: 2,
    rowDivergence: () => reverseKlRows,
  }),
  /** beta -> 0: the value over beta tends to forwardKl; beta -> 1: the value over 1 - beta tends to reverseKl. */
  jensenShannon: divergence("jensenShannon", {
    description:
      "beta·KL(teacher || mixture) + (1 - beta)·KL(student || mixture), mixture = beta·teacher + (1 - beta)·student",
    source: "Agarwal et al. 2024, section 2 (arXiv:2306.13649)",
    temperaturePower: 2,
    rowDivergence: ({ beta }) => {
      expectBetween("beta", beta, 0, 1);
      return jensenShannonRows(beta);
    },
  }),
  skewKl: divergence("skewKl", {
    description: "KL(teacher || skew·teacher + (1 - skew)·student): forwardKl, bounded by -log(skew)",
    source: "Ko et al. 2024, section 3.1 (arXiv:2402.03898)",
    temperaturePower: 2,
    rowDivergence: ({ skew }) => {
      expectBetween("skew", skew, 0, 1);
      return skewKlRows(skew);
    },
  }),
  skewReverseKl: divergence("skewReverseKl", {
    description: "KL(student || skew·student + (1 - skew)·teacher): reverseKl, bounded by -log(skew)",
    source: "Ko et al. 2024, section 3.1 (arXiv:2402.03898)",
    temperaturePower: 2,
    rowDivergence: ({ skew }) => {
      expectBetween("skew", skew, 0, 1);
      return skewReverseKlRows(skew);
    },
  }),
  totalVariation: divergence("totalVariation", {
    description: "half the sum of absolute differences of probabilities, at most 1",
    source: "Wen, Li, Du, Mou 2023, section 3 (arXiv:2307.15190)",
    temperaturePower: 1,
    rowDivergence: () => totalVariationRows,
  }),
  entropyAwareKl: divergence("entropyAwareKl", {
    description:
      "reverseKl, plus forwardKl at positions where the teacher's entropy exceeds entropyThreshold: precise where it is certain, covering where it is not",
    source: "Jin et al. 2026 (arXiv:2603.07079)",
    temperaturePower: 2,
    rowDivergence: ({ entropyThreshold }) => entropyAwareKlRows(entropyThreshold),
  }),
};

/** KL(teacher || student) at temperature 1 [nats per loss token]. */
export const forwardKl = (masked: MaskedLogits, teacherLogits: Tensor): Tensor =>
  DIVERGENCES.forwardKl.compute(masked, teacherLogits, DIVERGENCE_DEFAULTS);

/** KL(student || teacher) at temperature 1 [nats per loss token]. */
export const reverseKl = (masked: MaskedLogits, teacherLogits: Tensor): Tensor =>
  DIVERGENCES.reverseKl.compute(masked, teacherLogits, DIVERGENCE_DEFAULTS);
