/** Asks questions about a scene. */
import type { Draw } from "../shared/draw.js";

export interface Question {
  readonly kind: string;
  readonly source: string;
  readonly target: string;
  /** The rationale: the content of the scene, with marks for what matters ({@link ./rationales.ts}). */
  readonly rationale: string;
}

/**
 * Asks a question of one kind about a scene; undefined if the kind does not fit the scene.
 *
 * The question alone must not reveal its answer. So for a question with two possible answers, the answer is drawn first, then the objects of
 * the question. Everything else is drawn independently of the answer.
 */
export type Asker<Scene> = (scene: Scene, draw: Draw) => Omit<Question, "kind"> | undefined;

/**
 * Asks a number of questions about a scene. Kinds are used cyclically in the given order. Kinds that do not fit the scene are
 * skipped.
 */
export function questionsOf<Scene>(
  scene: Scene,
  askers: Readonly<Record<string, Asker<Scene>>>,
  kinds: readonly string[],
  drawOf: (place: number) => Draw,
  wanted: number,
): readonly Question[] {
  const asked: Question[] = [];
  for (let round = 0; asked.length < wanted; round++) {
    const kind = kinds[round % kinds.length]!;
    const found = askers[kind]!(scene, drawOf(round));
    if (found !== undefined) asked.push({ kind, ...found });
    else if (round >= kinds.length && asked.length === 0)
      throw new Error("scenes: no kind of question fits the scene");
  }
  return asked;
}

/** "yes" or "no" with equal probability. */
export function drawAnswer(draw: Draw): { readonly isYes: boolean; readonly target: "yes" | "no" } {
  const isYes = draw.chance(50);
  return { isYes, target: yesOrNo(isYes) };
}

export const yesOrNo = (isSo: boolean): "yes" | "no" => (isSo ? "yes" : "no");
