/** How one target is chosen out of a labeller's answers to a source: a table of strategies. */
import { SlmError } from "@slm/core";
import type { LabelAnswer } from "../labeller/labeller.js";
import type { Reason } from "../labeller/label-counts.js";
import { groupEqual, type TaskMetric } from "./task-metric.js";

/** A chosen answer and how much speaks for it. */
export interface Chosen {
  readonly target: string;
  /** Mean log-probability of its tokens [nats per token]; absent where the labeller gives none. */
  readonly score?: number | undefined;
  /** Fraction of the samples with an equal answer; absent for a single answer. */
  readonly agreement?: number | undefined;
  /** Mean metric against the other samples, or the metric against the gold targets; higher is better. */
  readonly utility?: number | undefined;
}

/** What strategies decide by. */
export interface ChoiceRules {
  /** Answers asked for. */
  readonly samples: number;
  /** Smallest accepted score of a single answer; undefined: any. */
  readonly minScore: number | undefined;
  /** Smallest accepted agreement of samples. */
  readonly minAgreement: number;
  /** Why an answer cannot be used, whatever the others are. */
  readonly problemOf: (answer: LabelAnswer) => Reason | undefined;
  /** Only strategies that compare answers need it. */
  readonly metric: TaskMetric | undefined;
}

export type StrategyName = "single" | "selfConsistency" | "minimumRisk" | "bestOf";

/** Chooses among usable answers, at least one. @param references gold targets, for `bestOf` */
type Choose = (
  usable: readonly LabelAnswer[],
  rules: ChoiceRules,
  references: readonly string[],
) => Chosen | Reason;

/**
 * single: the labeller's one answer, if it is confident enough. Throws CONFIG_INVALID if confidence is asked for and not known.
 * selfConsistency: the answer that most samples give, if enough do; ties: the more probable one (arXiv 2203.11171, section 2).
 * minimumRisk: the sample with the highest mean metric against the other samples (minimum Bayes risk; Kumar and Byrne 2004, aclanthology.org/N04-1022).
 * bestOf: the sample with the highest metric against the gold targets (sequence-level interpolation, arXiv 1606.07947, section 3.2).
 */
const STRATEGIES: Readonly<Record<StrategyName, Choose>> = {
  single: ([answer], { minScore }) => {
    const { target, score } = answer!;
    if (minScore === undefined) return { target, score };
    if (score === undefined) throw withoutScores();
    return score < minScore ? "unconfident" : { target, score };
  },
  selfConsistency: (usable, rules) => {
    const votes = votesOf(usable, rules);
    const best = votes.reduce((most, vote) => (outvotes(vote, most) ? vote : most));
    return enough(best, rules);
  },
  minimumRisk: (usable, rules) => {
    // A single usable sample agrees with nobody.
    if (usable.length < 2) return "disagreed";
    const { utility } = metricOf(rules);
    const risks = usable.map(({ target }, place) => {
      const others = usable.filter((_, other) => other !== place);
      return others.reduce((sum, other) => sum + utility(target, [other.target]), 0) / others.length;
    });
    const best = bestPlace(risks, usable);
    const group = votesOf(usable, rules).find(({ places }) => places.includes(best))!;
    return enough({ ...group, answer: usable[best]!, utility: risks[best]! }, rules);
  },
  bestOf: (usable, rules, references) => {
    const { utility } = metricOf(rules);
    const values = usable.map(({ target }) => utility(target, references));
    const best = bestPlace(values, usable);
    return { target: usable[best]!.target, score: usable[best]!.score, utility: values[best]! };
  },
};

/** The answer of a strategy, or why there is none: the first problem of the answers, or the strategy's own reason. */
export function chooseAnswer(
  name: StrategyName,
  answers: readonly LabelAnswer[],
  rules: ChoiceRules,
  references: readonly string[] = [],
): Chosen | Reason {
  if (answers.length === 0) return "unanswered";
  const problems = answers.map(rules.problemOf);
  const usable = answers.filter((_, place) => problems[place] === undefined);
  if (usable.length === 0) return problems[0]!;
  return STRATEGIES[name](usable, rules, references);
}

/** Equal answers. */
interface Vote {
  /** The most probable of them. */
  readonly answer: LabelAnswer;
  readonly places: readonly number[];
  readonly utility?: number;
}

function votesOf(usable: readonly LabelAnswer[], rules: ChoiceRules): readonly Vote[] {
  const groups = groupEqual(
    usable.map(({ target }) => target),
    metricOf(rules),
  );
  return groups.map((places) => ({
    answer: places
      .map((place) => usable[place]!)
      .reduce((best, one) => (scoreOf(one) > scoreOf(best) ? one : best)),
    places,
  }));
}

const outvotes = (vote: Vote, most: Vote): boolean =>
  vote.places.length > most.places.length ||
  (vote.places.length === most.places.length && scoreOf(vote.answer) > scoreOf(most.answer));

function enough({ answer, places, utility }: Vote, { samples, minAgreement }: ChoiceRules): Chosen | Reason {
  const agreement = places.length / samples;
  if (agreement < minAgreement) return "disagreed";
  return { target: answer.target, score: answer.score, agreement, utility };
}

/** The place of the highest value; ties: the more probable answer, then the first. */
function bestPlace(values: readonly number[], answers: readonly LabelAnswer[]): number {
  let best = 0;
  for (let place = 1; place < values.length; place++) {
    const [value, most] = [values[place]!, values[best]!];
    if (value > most || (value === most && scoreOf(answers[place]!) > scoreOf(answers[best]!))) best = place;
  }
  return best;
}

/** An answer without a score is less probable than any other. */
const scoreOf = ({ score = -Infinity }: LabelAnswer): number => score;

function metricOf({ metric }: ChoiceRules): TaskMetric {
  if (metric === undefined) throw new Error("a strategy that compares answers has no metric");
  return metric;
}

const withoutScores = (): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    "cache: unlabelled.minScore needs log-probabilities, but the teacher gives none",
    {
      suggestions: [
        "keep every answer: --set cache.unlabelled.minScore=none",
        "keep answers that samples agree on: --set cache.unlabelled.strategy=selfConsistency",
      ],
    },
  );
