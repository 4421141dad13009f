/** Simulates typing errors. */
import type { Draw } from "./draw.js";

/** A word with two letters swapped, or one letter missing, doubled, or replaced with a neighbour on the keyboard. */
export function mistyped(draw: Draw, word: string): string {
  const at = 1 + draw.below(word.length - 2);
  const [before, letter, after] = [word.slice(0, at), word[at]!, word.slice(at + 1)];
  return draw.pick([
    () => before + after[0]! + letter + after.slice(1),
    () => before + after,
    () => before + letter + letter + after,
    () => before + draw.pick(Array.from(NEIGHBOURS[letter] ?? letter)) + after,
  ])();
}

/** Neighbours of each letter on a keyboard. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
  a: "qsz",
  b: "vgn",
  c: "xdv",
  d: "sfe",
  e: "wrd",
  f: "dgr",
  g: "fht",
  h: "gjy",
  i: "uok",
  j: "hku",
  k: "jli",
  l: "ko",
  m: "nk",
  n: "bmh",
  o: "ipl",
  p: "ol",
  q: "wa",
  r: "etf",
  s: "adw",
  t: "ryg",
  u: "yij",
  v: "cbf",
  w: "qes",
  x: "zcs",
  y: "tuh",
  z: "xa",
};
