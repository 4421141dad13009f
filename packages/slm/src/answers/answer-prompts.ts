/** Answers the prompts of one call. A blank line stays blank, and a prompt that the model cannot read does not discard the other answers. */
import type { SlmError } from "@slm/core/errors";
import type { GenerateOptions, Generation, Model, Source } from "@slm/inference";
import type { Question } from "@slm/models/prompts";
import { generateEach, isRowError } from "./answer-rows.js";

/** What becomes of a prompt: an answer, the reason why there is none, or nothing for a blank line. */
export type PromptOutcome = Generation | SlmError | undefined;

const isBlank = ({ prompt }: Question): boolean => prompt.trim() === "";

/**
 * Answers prompts in batches: one outcome per prompt, in order.
 *
 * @throws SlmError the first problem if no prompt could be answered, and every problem that is not the fault of one prompt
 */
export async function answerPrompts(
  model: Pick<Model, "generate">,
  questions: readonly Question[],
  options: GenerateOptions,
): Promise<readonly PromptOutcome[]> {
  const asked = questions.filter((question) => !isBlank(question)).map(({ source }) => source);
  const answers = await generateEach(model, asked, options);
  let next = 0;
  return withAnAnswer(questions.map((question) => (isBlank(question) ? undefined : answers[next++])));
}

/**
 * Answers prompts one after the other, and tells the pieces of each answer while they are generated.
 *
 * @throws SlmError as {@link answerPrompts}
 */
export async function streamPrompts(
  model: Pick<Model, "generate">,
  questions: readonly Question[],
  options: GenerateOptions,
  print: (piece: string) => void,
): Promise<readonly PromptOutcome[]> {
  const outcomes: PromptOutcome[] = [];
  const onToken = (_row: number, piece: string): void => {
    print(piece);
  };
  const answer = async (source: Source): Promise<PromptOutcome> => {
    try {
      return await model.generate(source, { ...options, onToken });
    } catch (error) {
      // A single prompt has no other answer that could be lost.
      if (questions.length > 1 && isRowError(error)) return error;
      throw error;
    }
  };
  for (const question of questions) {
    outcomes.push(isBlank(question) ? undefined : await answer(question.source));
    print("\n");
  }
  return withAnAnswer(outcomes);
}

/** @throws SlmError the first problem if there is no answer */
function withAnAnswer(outcomes: readonly PromptOutcome[]): readonly PromptOutcome[] {
  const problem = outcomes.find((outcome) => isRowError(outcome));
  const hasAnswer = outcomes.some((outcome) => outcome !== undefined && !isRowError(outcome));
  if (problem !== undefined && !hasAnswer) throw problem;
  return outcomes;
}
