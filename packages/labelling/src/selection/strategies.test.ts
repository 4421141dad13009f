import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LabelAnswer } from "../labeller/labeller.js";
import { chooseAnswer, type ChoiceRules, type Chosen } from "./strategies.js";
import { groupEqual, taskMetric } from "./task-metric.js";
import { voteOfTeachers } from "./teacher-votes.js";

const said = (target: string, score?: number, finished = true): LabelAnswer => ({ target, score, finished });
const rulesOf = (changes: Partial<ChoiceRules> = {}): ChoiceRules => ({
  samples: 5,
  minScore: undefined,
  minAgreement: 0,
  problemOf: ({ finished }) => (finished ? undefined : "unfinished"),
  metric: taskMetric("exactMatch"),
  ...changes,
});

const anyAnswer = fc.record({
  target: fc.constantFrom("a", "b", "c d", "c  d"),
  score: fc.option(fc.double({ min: -3, max: 0, noNaN: true }), { nil: undefined }),
  finished: fc.boolean(),
});
const anyAnswers = fc.array(anyAnswer, { minLength: 1, maxLength: 8 });

describe("a single answer", () => {
  test("is kept at or above the smallest score, and names what is wrong with it otherwise", () => {
    expect(chooseAnswer("single", [said("a", -0.1)], rulesOf({ minScore: -0.1 }))).toEqual({
      target: "a",
      score: -0.1,
    });
    expect(chooseAnswer("single", [said("a", -0.11)], rulesOf({ minScore: -0.1 }))).toBe("unconfident");
    expect(chooseAnswer("single", [said("a", 0, false)], rulesOf())).toBe("unfinished");
    expect(chooseAnswer("single", [], rulesOf())).toBe("unanswered");
  });

  test("without a score cannot be filtered by it, and says what to set", () => {
    expect(() => chooseAnswer("single", [said("a")], rulesOf({ minScore: -1 }))).toThrow(
      "minScore needs log-probabilities",
    );
    expect(chooseAnswer("single", [said("a")], rulesOf())).toMatchObject({ target: "a" });
  });
});

describe("self-consistency", () => {
  test("is the answer with most votes, with the share of all samples, unfinished ones included", () => {
    const answers = [said("a", -1), said("b", 0), said("a", -0.5), said("c", 0, false), said("a", -2)];
    expect(chooseAnswer("selfConsistency", answers, rulesOf())).toEqual({
      target: "a",
      score: -0.5,
      agreement: 0.6,
      utility: undefined,
    });
    expect(chooseAnswer("selfConsistency", answers, rulesOf({ minAgreement: 0.61 }))).toBe("disagreed");
  });

  test("breaks ties by the more probable answer", () => {
    expect(
      chooseAnswer("selfConsistency", [said("a", -1), said("b", -0.5)], rulesOf({ samples: 2 })),
    ).toMatchObject({
      target: "b",
      agreement: 0.5,
    });
  });

  test("counts answers that the metric calls equal as one", () => {
    const answers = ['{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a": 3}'].map((target) => said(target));
    const rules = rulesOf({ samples: 3, metric: taskMetric("jsonExactMatch") });
    expect(chooseAnswer("selfConsistency", answers, rules)).toMatchObject({
      target: answers[0]!.target,
      agreement: 2 / 3,
    });
  });

  test("keeps fewer sources the more agreement it asks for, and never an answer that nobody gave", () => {
    const property = fc.property(
      anyAnswers,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (answers, minAgreement) => {
        const samples = answers.length;
        const all = chooseAnswer("selfConsistency", answers, rulesOf({ samples }));
        const some = chooseAnswer("selfConsistency", answers, rulesOf({ samples, minAgreement }));
        if (typeof all === "string") {
          expect(answers.every(({ finished }) => !finished)).toBe(true);
          expect(some).toBe(all);
          return;
        }
        const metric = taskMetric("exactMatch");
        const usable = answers.filter(({ finished }) => finished);
        const votes = (target: string): number =>
          usable.filter((one) => metric.equal(one.target, target)).length;
        expect(usable.map(({ target }) => target)).toContain(all.target);
        expect(all.agreement).toBe(votes(all.target) / samples);
        expect(Math.max(...usable.map(({ target }) => votes(target)))).toBe(votes(all.target));
        expect(some).toEqual(all.agreement! < minAgreement ? "disagreed" : all);
      },
    );
    fc.assert(property);
  });
});

describe("minimum risk", () => {
  test("is the sample with the highest mean metric against the others, by brute force", () => {
    const words = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 })
      .map((list) => list.join(" "));
    const property = fc.property(fc.array(words, { minLength: 2, maxLength: 6 }), (targets) => {
      const metric = taskMetric("per");
      const chosen = chooseAnswer(
        "minimumRisk",
        targets.map((target) => said(target)),
        rulesOf({ metric }),
      );
      const means = targets.map(
        (target, place) =>
          targets
            .filter((_, other) => other !== place)
            .reduce((sum, other) => sum + metric.utility(target, [other]), 0) /
          (targets.length - 1),
      );
      const best = Math.max(...means);
      expect(targets.indexOf((chosen as Chosen).target)).toBe(
        targets.indexOf(targets[means.findIndex((mean) => mean === best)]!),
      );
      expect((chosen as Chosen).utility).toBe(best);
    });
    fc.assert(property);
  });

  test("prefers the middle of unequal answers, where votes are tied", () => {
    const answers = ["play the song", "play the song now", "play the song now please"].map((target) =>
      said(target),
    );
    expect(
      chooseAnswer("minimumRisk", answers, rulesOf({ samples: 3, metric: taskMetric("per") })),
    ).toMatchObject({
      target: "play the song now",
      agreement: 1 / 3,
    });
  });

  test("of one usable sample has nobody to agree with", () => {
    expect(chooseAnswer("minimumRisk", [said("a"), said("b", 0, false)], rulesOf({ samples: 2 }))).toBe(
      "disagreed",
    );
  });
});

test("the best of n is the sample closest to any gold target, and the more probable one of equals", () => {
  const metric = taskMetric("chrf");
  const answers = [said("gut", -1), said("sehr gut", -3), said("schlecht", 0)];
  expect(chooseAnswer("bestOf", answers, rulesOf({ metric }), ["ganz gut", "sehr gut"])).toEqual({
    target: "sehr gut",
    score: -3,
    utility: 100,
  });
  const equal = [said("x", -2), said("y", -1)];
  expect(chooseAnswer("bestOf", equal, rulesOf(), ["z"])).toMatchObject({ target: "y" });
});

describe(groupEqual, () => {
  test("puts every answer into one group, whose members are equal and others are not", () => {
    const metric = taskMetric("exactMatch");
    const property = fc.property(fc.array(fc.constantFrom("a", "b", "c d", "c  d")), (answers) => {
      const groups = groupEqual(answers, metric);
      expect(groups.flat().sort((a, b) => a - b)).toEqual(answers.map((_, place) => place));
      groups.forEach(([first, ...rest], index) => {
        for (const place of rest) expect(metric.equal(answers[first!]!, answers[place]!)).toBe(true);
        for (const [other] of groups.slice(index + 1))
          expect(metric.equal(answers[first!]!, answers[other!]!)).toBe(false);
      });
    });
    fc.assert(property);
  });
});

describe(voteOfTeachers, () => {
  const vote = (answers: readonly (Chosen | "unfinished")[], minTeachers: number): unknown =>
    voteOfTeachers(answers, {
      names: answers.map((_, teacher) => `t${teacher}`),
      minTeachers,
      metric: taskMetric("jsonExactMatch"),
    });

  test("is what enough teachers say, in the words of the first, with the mean of their scores and all their names", () => {
    const answers: Chosen[] = [
      { target: "[1]", score: -0.5 },
      { target: '{"a": 1}', score: -1 },
      { target: '{"a":1}', score: -3 },
    ];
    expect(vote(answers, 2)).toEqual({ target: '{"a": 1}', score: -2, agreement: 2 / 3, labeller: "t1+t2" });
    expect(vote(answers, 3)).toBe("disagreed");
  });

  test("does not count a teacher without an answer, and has no score where one gives none", () => {
    expect(vote([{ target: "1" }, "unfinished", { target: "1", score: -1 }], 2)).toEqual({
      target: "1",
      agreement: 2 / 3,
      labeller: "t0+t2",
    });
    expect(vote(["unfinished", { target: "1" }], 2)).toBe("disagreed");
    expect(vote(["unfinished", "unfinished"], 2)).toBe("unfinished");
  });
});
