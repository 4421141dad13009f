/** The answer that several teachers agree on. */
import type { Reason } from "../labeller/label-counts.js";
import type { Chosen } from "./strategies.js";
import { groupEqual, type TaskMetric } from "./task-metric.js";

/** A chosen answer and who gave it. */
export interface Labelled extends Chosen {
  readonly labeller: string;
}

export interface VoteRules {
  /** Names of the teachers, in order. */
  readonly names: readonly string[];
  /** Teachers that must give an equal answer. */
  readonly minTeachers: number;
  readonly metric: Pick<TaskMetric, "equal">;
}

/**
 * The answer of most teachers in the words of the first of them, if enough agree; ties: the answer with the higher mean score, then the
 * one given first. Without any answer the first teacher's reason.
 */
export function voteOfTeachers(
  answers: readonly (Chosen | Reason)[],
  { names, minTeachers, metric }: VoteRules,
): Labelled | Reason {
  const given = answers.flatMap((answer, teacher) =>
    typeof answer === "string" ? [] : [{ answer, name: names[teacher]! }],
  );
  if (given.length === 0) return answers[0] as Reason;
  const groups = groupEqual(
    given.map(({ answer }) => answer.target),
    metric,
  ).map((places) => places.map((place) => given[place]!));
  const best = groups.reduce((most, group) =>
    group.length > most.length || (group.length === most.length && scoreOf(group) > scoreOf(most))
      ? group
      : most,
  );
  if (best.length < minTeachers) return "disagreed";
  const score = scoreOf(best);
  return {
    target: best[0]!.answer.target,
    score: score === -Infinity ? undefined : score,
    agreement: best.length / answers.length,
    labeller: best.map(({ name }) => name).join("+"),
  };
}

/** Mean score of the answers; -Infinity if one has none. */
function scoreOf(group: readonly { readonly answer: Chosen }[]): number {
  return group.reduce((sum, { answer: { score = -Infinity } }) => sum + score, 0) / group.length;
}
