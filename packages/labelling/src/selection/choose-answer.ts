/** Decides whether a labeller's answer becomes the target of a source. */
import { SlmError } from "@slm/core";
import type { LabelAnswer } from "../labeller/labeller.js";
import type { Reason } from "../labeller/label-counts.js";

export interface ChoiceRules {
  /** Smallest accepted score. Undefined: all scores are accepted. */
  readonly minScore: number | undefined;
  /** Whether targets must encode to the labeller's tokens again. This is needed if distributions over these tokens are stored. */
  readonly needsRoundTrip: boolean;
}

/** A chosen answer. */
export type Chosen = Pick<LabelAnswer, "target" | "score">;

/** The target and its score, or why the source has none. @throws SlmError CONFIG_INVALID if a score is needed and unknown */
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
    "cache: unlabelled.minScore needs log-probabilities, but the teacher has none",
    { suggestions: ["to keep all answers: --set cache.unlabelled.minScore=none"] },
  );
