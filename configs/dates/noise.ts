/** Adds small differences between typed dates and CLDR's patterns. They do not change the meaning. */
import type { Draw } from "../shared/draw.js";
import type { Language } from "./languages.js";

/** Frequency of each difference [%]. Upper case and lower case exclude each other. */
const SHARES = { lowerCase: 20, upperCase: 8, noDots: 15, noCommas: 15 } as const;

/** Adds differences to a date. Dots between digits stay. */
export function withNoise(draw: Draw, language: Language, text: string): string {
  let noisy = text;
  if (draw.chance(SHARES.noDots)) noisy = noisy.replace(/(?<=\p{L})\./gu, "");
  if (draw.chance(SHARES.noCommas)) noisy = noisy.replace(/,(?= )/gu, "");
  const which = draw.below(100);
  // By the language's rules: in Turkish, the capital of i is İ.
  if (which < SHARES.lowerCase) return noisy.toLocaleLowerCase(language);
  if (which < SHARES.lowerCase + SHARES.upperCase) return noisy.toLocaleUpperCase(language);
  return noisy;
}
