/** The confidence of answers, and the threshold below which answers are withheld. */
import { SlmError } from "@slm/core";
import type { DeviceModel } from "@slm/exported-model";
import type { Generation } from "../options/types.js";

/** The model's probability of the whole answer, including EOS: 0 to 1. Longer answers tend to be less probable. */
export function confidenceOf({ logProbability }: Pick<Generation, "logProbability">): number {
  return Math.exp(Math.min(0, logProbability));
}

/** Whether an answer is given, and how sure the model is of it. */
export interface Judgement {
  readonly confidence: number;
  readonly abstained: boolean;
}

/**
 * The threshold of a request. This function and {@link judge} are the only place that decides which answers are withheld.
 *
 * @param asked a confidence from 0 to 1, or `off`. Default: the threshold in model.json, if it has one
 * @returns undefined if every answer is given
 * @throws SlmError USAGE for a number that is not from 0 to 1
 */
export function thresholdFor(
  asked: number | "off" | undefined,
  { abstention }: Pick<DeviceModel, "abstention">,
): number | undefined {
  if (asked === "off") return undefined;
  if (asked === undefined) return abstention?.threshold;
  if (asked >= 0 && asked <= 1) return asked;
  throw new SlmError("USAGE", `generate: abstain must be a confidence from 0 to 1 or "off", got ${asked}`);
}

/** How sure the model is of an answer, and whether the answer is withheld. */
export function judge(answer: Pick<Generation, "logProbability">, threshold: number | undefined): Judgement {
  const confidence = confidenceOf(answer);
  return { confidence, abstained: threshold !== undefined && confidence < threshold };
}

/** An answer to a row whose right answer is known. */
export interface JudgedAnswer {
  readonly confidence: number;
  readonly correct: boolean;
}

export interface AbstentionOptions {
  /** Minimum share of right answers that are kept, 0 to 1. Default: 0.99. */
  readonly keep?: number | undefined;
  /** Maximum share of wrong answers among the given answers, 0 to 1. Default: no limit. */
  readonly maxError?: number | undefined;
}

/** A threshold, and its effect on the rows that it was chosen on. */
export interface Abstention {
  /** Answers with a lower confidence are withheld. */
  readonly threshold: number;
  /** Number of rows that it was chosen on. */
  readonly rows: number;
  /** Share of these rows that are answered. */
  readonly coverage: number;
  /** Share of wrong answers among the answered rows; 0 if none is answered. */
  readonly errorRate: number;
}

/** Default of `keep`. */
const DEFAULT_KEEP = 0.99;
/** (1 - 0.9) x 200 is not quite 20 in floating point. */
const ROUNDING = 1e-9;

/**
 * Chooses a threshold on held-out rows. It is the k-th lowest confidence of the n right answers, k = max(1, floor((1 - keep)(n + 1))). For
 * an input like these rows, a right answer is therefore withheld with a probability of at most k / (n + 1) (split conformal prediction).
 * Inputs of a different kind get less probable answers and fall below the threshold. With `maxError`, the threshold is raised until the share of
 * wrong answers among the answered rows is low enough.
 *
 * Source: Vovk et al. 2005, "Algorithmic Learning in a Random World"; Geifman and El-Yaniv 2017 (arXiv:1705.08500) for the error limit.
 * @throws SlmError DATA_INVALID if no answer is right, or if no threshold reaches `maxError`; USAGE for shares outside 0 to 1
 */
export function chooseThreshold(
  answers: readonly JudgedAnswer[],
  { keep = DEFAULT_KEEP, maxError }: AbstentionOptions = {},
): Abstention {
  for (const [name, share] of Object.entries({ keep, maxError: maxError ?? 0 })) {
    if (!(share >= 0 && share <= 1))
      throw new SlmError("USAGE", `abstention: ${name} must be from 0 to 1, got ${share}`);
  }
  const right = answers.filter(({ correct }) => correct).map(({ confidence }) => confidence);
  if (right.length === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `abstention: the model answered none of ${answers.length} rows correctly, so there is no threshold to choose`,
      { suggestions: ["slm eval MODEL --data FILE --metrics exactMatch", "train the model further"] },
    );
  }
  right.sort((a, b) => a - b);
  const rank = Math.max(1, Math.floor((1 - keep) * (right.length + 1) + ROUNDING));
  const kept = right[Math.min(rank, right.length) - 1]!;
  const first = abstentionAt(answers, kept);
  if (maxError === undefined || first.errorRate <= maxError) return first;
  const higher = right.filter((confidence) => confidence > kept).map((at) => abstentionAt(answers, at));
  const found = higher.find(({ errorRate }) => errorRate <= maxError);
  if (found !== undefined) return found;
  throw new SlmError(
    "DATA_INVALID",
    `abstention: no threshold leaves at most ${maxError} wrong answers; the best leaves ` +
      String(Math.min(...[first, ...higher].map(({ errorRate }) => errorRate))),
    { suggestions: ["allow more errors", "train the model further"] },
  );
}

/** The effect of a given threshold on rows. */
export function abstentionAt(answers: readonly JudgedAnswer[], threshold: number): Abstention {
  const given = answers.filter(({ confidence }) => confidence >= threshold);
  const wrong = given.filter(({ correct }) => !correct).length;
  return {
    threshold,
    rows: answers.length,
    coverage: answers.length === 0 ? 0 : given.length / answers.length,
    errorRate: given.length === 0 ? 0 : wrong / given.length,
  };
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
