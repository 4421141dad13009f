/** Small differences between dates as people type them and CLDR's patterns; none changes what is meant. */
import type { Draw } from "../shared/draw.js";
import type { Language } from "./languages.js";

/** How often each difference is made [%]. Capitals and lower case exclude one another. */
const SHARES = { lowerCase: 20, upperCase: 8, noDots: 15, noCommas: 15 } as const;

/** A date with some differences. Dots between figures stay. */
export function withNoise(draw: Draw, language: Language, text: string): string {
  let noisy = text;
  if (draw.chance(SHARES.noDots)) noisy = noisy.replace(/(?<=\p{L})\./gu, "");
  if (draw.chance(SHARES.noCommas)) noisy = noisy.replace(/,(?= )/gu, "");
  const which = draw.below(100);
  // The rules of the language: Turkish has İ for i.
  if (which < SHARES.lowerCase) return noisy.toLocaleLowerCase(language);
  if (which < SHARES.lowerCase + SHARES.upperCase) return noisy.toLocaleUpperCase(language);
  return noisy;
}
