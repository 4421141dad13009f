/** Questions about a scene. */
import type { Draw } from "../shared/draw.js";

export interface Question {
  readonly kind: string;
  readonly source: string;
  readonly target: string;
  /** What leads to the answer: everything that the scene shows, with what of it matters ({@link ./rationales.ts}). */
  readonly rationale: string;
}

/**
 * Asks a question of one kind about a scene, or undefined where the scene has nothing to ask of.
 *
 * Whoever hears the question alone must know nothing about its answer. So where there are two answers the answer is drawn first
 * and then the things to ask about, and everything else that is asked for is drawn in a way that treats all answers alike.
 */
export type Asker<Scene> = (scene: Scene, draw: Draw) => Omit<Question, "kind"> | undefined;

/**
 * So many questions about a scene: kinds come in the order given, and those that the scene has nothing for are passed over. After
 * the last kind the first one comes again.
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
      throw new Error("scenes: a scene has nothing to ask of");
  }
  return asked;
}

/** "yes" and "no", each half of the time. */
export function drawAnswer(draw: Draw): { readonly isYes: boolean; readonly target: "yes" | "no" } {
  const isYes = draw.chance(50);
  return { isYes, target: yesOrNo(isYes) };
}

export const yesOrNo = (isSo: boolean): "yes" | "no" => (isSo ? "yes" : "no");
