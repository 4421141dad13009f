/** Loss terms of extensions. A recipe sets their weights in `distill.loss.terms`. */
import { ExtensionTable } from "@slm/core";
import type { MaskedLogits, math, Tensor } from "@slm/tensor";

/** The inputs of a term. Each function is differentiable unless its comment says otherwise. */
export type LossMath = typeof math;

interface CommonInputs extends MaskedLogits {
  readonly math: LossMath;
}

/** Logits of the student and the teacher at the positions that the teacher scored. */
export interface DistributionInputs extends CommonInputs {
  /** `[positions, vocabulary]`. A token without teacher probability has a very negative logit, such as -1e9. */
  readonly teacherLogits: Tensor;
}

/** The student's logits at the labelled positions, and the labels. */
export interface LabelInputs extends CommonInputs {
  /** int32 `[positions]`: the correct token. */
  readonly labels: Tensor;
}

interface TermFacts {
  /** One-line description. */
  readonly description: string;
}

/**
 * A loss term: a differentiable scalar, the mean over the loss positions. The function is called once per batch
 * shape to record its operations in the training program. It does not see tensor values, and does not run during training steps.
 */
export type LossTerm =
  | (TermFacts & {
      /** Whether the term needs the teacher's next-token distributions, computed or from a cache. */
      readonly needsDistributions: true;
      readonly compute: (inputs: DistributionInputs) => Tensor;
    })
  | (TermFacts & {
      readonly needsDistributions: false;
      readonly compute: (inputs: LabelInputs) => Tensor;
    });

/** Built-in terms, in log order. */
export const TERM_NAMES = ["forwardKl", "reverseKl", "jensenShannon", "crossEntropy", "ctc"] as const;

/** Extensions' terms by name. */
export const LOSS_TERMS = new ExtensionTable<LossTerm>("losses", {}, TERM_NAMES);
