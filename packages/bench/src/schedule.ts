/** The order in which models take turns. */
import { createRandom } from "@slm/generation";

/** One turn: the indices of a model and a prompt. */
export interface Turn {
  readonly model: number;
  readonly prompt: number;
}

/**
 * Rounds in which every model answers the same prompt once, in a new random order for each round. A machine that heats up or gets
 * busy then slows all models equally, and no model always follows the same one.
 */
export function interleave(models: number, prompts: number, runs: number, seed: number): readonly Turn[] {
  const random = createRandom(seed >>> 0);
  return Array.from({ length: runs }, (_, run) =>
    shuffled(models, random.next).map((model) => ({ model, prompt: run % prompts })),
  ).flat();
}

/** Fisher-Yates. */
function shuffled(count: number, random: () => number): readonly number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
