/** Mixed precision: chooses the format of each layer with the smallest total loss within a size budget. */
import { SlmError } from "@slm/core";

/** A possible format of a layer. */
interface FormatChoice<Format extends string> {
  readonly format: Format;
  readonly bytes: number;
  /** Sensitivity of only this layer in this format. Sensitivities are assumed to be additive. */
  readonly damage: number;
}

/** A layer with its possible formats. */
export interface ChoosingLayer<Key, Format extends string> {
  readonly key: Key;
  readonly choices: readonly FormatChoice<Format>[];
}

export interface ChosenFormats<Key, Format extends string> {
  readonly formats: ReadonlyMap<Key, Format>;
  readonly bytes: number;
  /** Sum of the sensitivities. */
  readonly damage: number;
}

/** The choices on the convex hull, smallest first: each larger one has less loss, and gains less per byte than the one before. */
function worthwhile<Format extends string>(
  choices: readonly FormatChoice<Format>[],
): readonly FormatChoice<Format>[] {
  const hull: FormatChoice<Format>[] = [];
  const rate = (from: FormatChoice<Format>, to: FormatChoice<Format>): number =>
    (from.damage - to.damage) / (to.bytes - from.bytes);
  for (const choice of [...choices].sort((a, b) => a.bytes - b.bytes || a.damage - b.damage)) {
    if (hull.length > 0 && choice.damage >= hull.at(-1)!.damage) continue;
    while (hull.length > 1 && rate(hull.at(-1)!, choice) >= rate(hull.at(-2)!, hull.at(-1)!)) hull.pop();
    hull.push(choice);
  }
  return hull;
}

/**
 * Chooses a format per layer. It starts with the smallest formats and spends the rest of the budget where a byte reduces the loss most. It
 * skips steps that do not fit. Over the layers' convex hulls this is optimal up to the last step (the Lagrangian relaxation of the knapsack
 * problem).
 *
 * @throws SlmError CONFIG_INVALID if even the smallest formats exceed the budget
 */
export function chooseFormats<Key, Format extends string>(
  layers: readonly ChoosingLayer<Key, Format>[],
  budget: number,
): ChosenFormats<Key, Format> {
  const states = layers.map(({ key, choices }) => ({ key, hull: worthwhile(choices), at: 0 }));
  let bytes = states.reduce((sum, { hull }) => sum + hull[0]!.bytes, 0);
  if (bytes > budget) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: the smallest formats need ${bytes} bytes, but the budget leaves ${Math.max(0, Math.floor(budget))}`,
      { suggestions: ["choose a larger budget", "export a smaller model"] },
    );
  }
  const steps = states
    .flatMap((state) =>
      state.hull.slice(1).map((to, before) => {
        const from = state.hull[before]!;
        const cost = to.bytes - from.bytes;
        return { state, to: before + 1, cost, rate: (from.damage - to.damage) / cost };
      }),
    )
    .sort((a, b) => b.rate - a.rate);
  for (const { state, to, cost } of steps) {
    // A step is possible only from the one before it.
    if (state.at !== to - 1 || bytes + cost > budget) continue;
    state.at = to;
    bytes += cost;
  }
  return {
    formats: new Map(states.map(({ key, hull, at }) => [key, hull[at]!.format] as const)),
    bytes,
    damage: states.reduce((sum, { hull, at }) => sum + hull[at]!.damage, 0),
  };
}
