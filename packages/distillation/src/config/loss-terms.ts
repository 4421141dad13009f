/** Loss terms that extensions add; a recipe gives them a weight under `distill.loss.terms`. */
import { ExtensionTable } from "@slm/core";
import type { MaskedLogits, math, Tensor } from "@slm/tensor";

/** What a term computes with. Each function has a gradient unless its comment says otherwise. */
export type LossMath = typeof math;

interface CommonInputs extends MaskedLogits {
  readonly math: LossMath;
  /** `distill.loss.temperature` of the recipe. */
  readonly temperature: number;
}

/** The student's logits at the positions that the teacher scored, and the teacher's. */
export interface DistributionInputs extends CommonInputs {
  /** `[positions, vocabulary]`. A token without teacher probability has a very negative logit, such as -1e9. */
  readonly teacherLogits: Tensor;
}

/** The student's logits at the labelled positions, and the labels. */
export interface LabelInputs extends CommonInputs {
  /** int32 `[positions]`: the token that is right. */
  readonly labels: Tensor;
}

interface TermFacts {
  /** What is minimized, for people. */
  readonly description: string;
}

/**
 * A term of the loss: a differentiable scalar, the mean over the positions that count. The function is called once for each shape of
 * batch, and its operations become part of the training program: it sees no values, and runs no code of its own in a training step.
 */
export type LossTerm =
  | (TermFacts & {
      /** The teacher's next-token distributions have to be there: by its weights, or in a cache. */
      readonly needsDistributions: true;
      readonly compute: (inputs: DistributionInputs) => Tensor;
    })
  | (TermFacts & {
      readonly needsDistributions: false;
      readonly compute: (inputs: LabelInputs) => Tensor;
    });

/** Our own terms, in log order. */
export const TERM_NAMES = ["forwardKl", "reverseKl", "jensenShannon", "crossEntropy", "ctc"] as const;

/** Terms of extensions by name. */
export const LOSS_TERMS = new ExtensionTable<LossTerm>("losses", {}, TERM_NAMES);
