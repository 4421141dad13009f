/** The kinds of characters that decide where graphemes end, as `Intl.Segmenter` of this process has them. */

/** As in kernels/text-graphemes.c. Hangul syllables are computed there. */
const KINDS = {
  other: 0,
  control: 1,
  prepend: 2,
  hangulL: 3,
  hangulV: 4,
  hangulT: 5,
  consonant: 8,
  picture: 9,
  flag: 10,
  mark: 11,
  extend: 12,
  extendConsonant: 13,
  linker: 14,
  joiner: 15,
} as const;
type Kind = keyof typeof KINDS;

const LAST_CHARACTER = 0x10ffff;
const JOINER = "\u200d";
const COPYRIGHT = "\u00a9";
const ACCENT = "\u0301";
/** A consonant of Devanagari, and the sign that links consonants. */
const KA = "\u0915";
const LINKER = "\u094d";
/** Hangul: a syllable, and the letters of the second and third place. */
const SYLLABLE = "\uac00";
const VOWEL = "\u1160";
const FINAL = "\u11a8";

/** Characters without rules: unassigned ones, surrogates, private use, ideographs and Hangul syllables. */
const PLAIN =
  /[\p{Co}\p{Cs}\p{Unified_Ideograph}\uac00-\ud7a3]|(?![\p{Extended_Pictographic}\p{Default_Ignorable_Code_Point}])\p{Cn}/u;
const FLAG = /\p{Regional_Indicator}/u;
const HANGUL = /\p{Script=Hangul}/u;
/** The categories in which Unicode has controls and prepended characters. */
const MAY_CONTROL = /[\p{C}\p{Zl}\p{Zp}]/u;
const MAY_PREPEND = /[\p{Cf}\p{Lo}]/u;
const PICTURE = /\p{Extended_Pictographic}/u;

/** Ranges of characters of one kind, sorted: first character · 16 + kind. */
export function graphemeKinds(): readonly number[] {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const isOne = (text: string): boolean => segmenter.segment(text).containing(0)?.segment === text;
  const ranges: number[] = [];
  let last: Kind | undefined;
  for (let code = 0; code <= LAST_CHARACTER; code++) {
    const kind = kindOf(String.fromCodePoint(code), isOne);
    if (kind !== last) ranges.push(code * 16 + KINDS[kind]);
    last = kind;
  }
  return ranges;
}

function kindOf(character: string, isOne: (text: string) => boolean): Kind {
  if (PLAIN.test(character)) return "other";
  if (FLAG.test(character)) return "flag";
  if (character === JOINER) return "joiner";
  if (isOne(`${KA}${LINKER}${character}`))
    return isOne(`a${character}`) ? markOf(character, isOne) : "consonant";
  if (MAY_CONTROL.test(character) && !isOne(`${character}${ACCENT}`)) return "control";
  if (MAY_PREPEND.test(character) && isOne(`${character}a`)) return "prepend";
  if (PICTURE.test(character)) return "picture";
  return HANGUL.test(character) ? hangulOf(character, isOne) : "other";
}

function hangulOf(character: string, isOne: (text: string) => boolean): Kind {
  if (isOne(`${character}${SYLLABLE}`)) return "hangulL";
  if (isOne(`${FINAL}${character}`)) return "hangulT";
  return isOne(`${VOWEL}${character}`) ? "hangulV" : "other";
}

/** The kind of a character that belongs to the character before it. */
function markOf(mark: string, isOne: (text: string) => boolean): Kind {
  if (isOne(`${KA}${mark}${KA}`)) return "linker";
  if (!isOne(`${COPYRIGHT}${mark}${JOINER}${COPYRIGHT}`)) return "mark";
  return isOne(`${KA}${LINKER}${mark}${KA}`) ? "extendConsonant" : "extend";
}
