/** The confidence of answers, and how well it predicts whether they are right. */
import type { Generation } from "../options/types.js";

/** The model's probability of the whole answer, including EOS: 0 to 1. Longer answers tend to be less probable. */
export function confidenceOf({ logProbability }: Pick<Generation, "logProbability">): number {
  return Math.exp(Math.min(0, logProbability));
}

/** An answer to a row whose right answer is known. */
export interface JudgedAnswer {
  readonly confidence: number;
  readonly correct: boolean;
}

/** Number of equally wide bins for the calibration error. */
const BINS = 10;

/**
 * Expected calibration error: the mean distance between confidence and the share of right answers, over ten bins of confidence, weighted by their
 * number of rows. 0 is perfect. Source: Guo et al. 2017 (arXiv:1706.04599).
 */
export function calibrationError(answers: readonly JudgedAnswer[]): number {
  if (answers.length === 0) return 0;
  const bins = Array.from({ length: BINS }, () => ({ confidence: 0, right: 0 }));
  for (const { confidence, correct } of answers) {
    const bin = bins[Math.min(BINS - 1, Math.floor(confidence * BINS))]!;
    bin.confidence += confidence;
    bin.right += correct ? 1 : 0;
  }
  return bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0) / answers.length;
}
