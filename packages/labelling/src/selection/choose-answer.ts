/** Whether a labeller's answer to a source becomes its target. */
import { SlmError } from "@slm/core";
import type { LabelAnswer } from "../labeller/labeller.js";
import type { Reason } from "../labeller/label-counts.js";

export interface ChoiceRules {
  /** Smallest accepted score; undefined: any. */
  readonly minScore: number | undefined;
  /** Whether targets must give the labeller's tokens again: so where the distributions over these tokens are stored. */
  readonly needsRoundTrip: boolean;
}

/** A chosen answer. */
export type Chosen = Pick<LabelAnswer, "target" | "score">;

/** The target and its score, or why the source has none. @throws SlmError CONFIG_INVALID if a score is asked for and not known */
export function chooseAnswer(
  answer: LabelAnswer | undefined,
  { minScore, needsRoundTrip }: ChoiceRules,
): Chosen | Reason {
  if (answer === undefined) return "unanswered";
  const { target, score, finished, encoding } = answer;
  if (!finished) return "unfinished";
  if (target.trim() === "" || encoding === "none" || (needsRoundTrip && encoding === "other"))
    return "unencodable";
  if (minScore === undefined) return { target, score };
  if (score === undefined) throw withoutScores();
  return score < minScore ? "unconfident" : { target, score };
}

const withoutScores = (): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    "cache: unlabelled.minScore needs log-probabilities, but the teacher gives none",
    { suggestions: ["keep every answer: --set cache.unlabelled.minScore=none"] },
  );
