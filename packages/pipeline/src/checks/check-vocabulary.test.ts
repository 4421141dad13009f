import { describe, expect, test } from "vitest";
import { METRICS, tinyRecipe } from "../testing/tiny-run.js";
import { checkVocabulary } from "./check-vocabulary.js";

const distill = { ...tinyRecipe("data").distill, metrics: METRICS };
const pruned = { kind: "pretrained", model: "org/model", prune: {} };
const whole = { kind: "import", model: "org/model" };
const onlyLabels = { ...distill, loss: { forwardKl: 0, crossEntropy: 1 } };

describe(checkVocabulary, () => {
  test.each([
    [
      "the teacher has the tokens of the run",
      { distill, tokenizer: pruned, teacher: { ...whole, vocabulary: "run" } },
    ],
    ["the tokenizer is whole", { distill, tokenizer: { ...pruned, prune: undefined }, teacher: whole }],
    ["the student learns from labels alone", { distill: onlyLabels, tokenizer: pruned, teacher: whole }],
    [
      "the teacher is another model",
      { distill, tokenizer: pruned, teacher: { ...whole, model: "org/pruned" } },
    ],
    ["there is no teacher", { distill, tokenizer: pruned }],
    ["no student is trained", { tokenizer: pruned, teacher: whole }],
  ])("passes if %s", (_case, sections) => {
    expect(() => {
      checkVocabulary({ sections });
    }).not.toThrow();
  });

  test.each([
    ["by default", whole],
    ["by its setting", { ...whole, vocabulary: "own" }],
  ])("rejects a teacher that has its whole vocabulary %s", (_case, teacher) => {
    expect(() => {
      checkVocabulary({ sections: { distill, tokenizer: pruned, teacher } });
    }).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("teacher.vocabulary: expected run") as string,
      }) as Error,
    );
  });
});
