/** Answers one text with a student that ships with slm, without a network. */
import { shellWord } from "@slm/core/errors";
import type { Generation } from "@slm/inference";
import { recipeOf, studentNamed, type Student, type StudentName } from "./students.js";
import { openModel } from "@slm/models/open";

/** A command for the user, and what it is for. */
export interface NextStep {
  readonly purpose: string;
  readonly command: string;
}

export interface TriedStudent {
  readonly student: StudentName;
  readonly prompt: string;
  readonly text: string;
  /** Probability of the answer under the model itself, 0 to 1. */
  readonly confidence: number;
  /** From the encoder to the last token [ms]. */
  readonly totalMs: number;
  /** The student's weights. */
  readonly parameters: number;
  /** Directory of the student's bundle. */
  readonly bundle: string;
  readonly next: readonly NextStep[];
}

/**
 * Answers a text.
 *
 * @param name a student of the list
 * @param text Default: the student's example
 * @param onOpen called when the model is open, before it answers
 * @throws SlmError USAGE for another name; DATA_INVALID for a text that is too long for the student
 */
export async function tryStudent(
  name: string,
  text: string | undefined,
  signal: AbortSignal,
  onOpen: () => Promise<void> = () => Promise.resolve(),
): Promise<TriedStudent> {
  const student = studentNamed(name);
  const prompt = text ?? student.example;
  const model = await openModel(student.directory, { signal });
  try {
    await onOpen();
    const generation: Generation = await model.generate(prompt, { signal });
    return {
      student: student.name,
      prompt,
      text: generation.text,
      confidence: generation.confidence,
      totalMs: generation.totalMs,
      parameters: model.description.parameters,
      bundle: student.directory,
      next: nextSteps(student),
    };
  } finally {
    await model.close();
  }
}

function nextSteps(student: Student): readonly NextStep[] {
  const recipe = recipeOf(student);
  return [
    { purpose: "train a student on your own rows", command: "slm init --data rows.csv" },
    recipe === undefined
      ? { purpose: "the recipe that made this student, in slm's repository", command: student.recipe }
      : { purpose: "train this student again", command: `slm run ${shellWord(recipe)}` },
    { purpose: "all students that ship with slm", command: "slm try" },
  ];
}
