/** Who labels the sources of one kind, and which targets are kept: by the settings of the cache stage. */
import type { CacheRowKind } from "@slm/teacher";
import type { CacheConfig } from "../config/cache-config.js";
import type { Labeller } from "../labeller/labeller.js";
import type { ChoiceRules } from "../selection/choose-answer.js";

export interface Labelling {
  readonly labeller: Labeller;
  readonly rules: ChoiceRules;
}

export function labellingOf(
  kind: CacheRowKind,
  { unlabelled: { minScore }, distributions }: CacheConfig,
  labeller: Labeller,
): Labelling {
  const least = kind === "generated" || minScore === "none" ? undefined : minScore;
  return { labeller, rules: { minScore: least, needsRoundTrip: distributions !== "none" } };
}
