/** The parts of Unicode that a tokenizer in C uses, as the JavaScript engine of this process defines them. */

const LAST_CHARACTER = 0x10ffff;
const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/** Characters that a byte-level tokenizer tells apart. Others have kind 0. */
export interface CharacterKinds {
  /** Kind 1. */
  readonly letter: RegExp;
  /** Kind 3. */
  readonly space: RegExp | undefined;
}

/** Kind 2. */
const NUMBER = /\p{N}/u;

/** Ranges of characters of one kind, sorted: first character · 4 + kind, as in kernels/text-bpe.c. */
export function characterKinds({ letter, space }: CharacterKinds): readonly number[] {
  const kindOf = (character: string): number => {
    if (letter.test(character)) return 1;
    if (NUMBER.test(character)) return 2;
    return space?.test(character) === true ? 3 : 0;
  };
  const ranges: number[] = [];
  let last: number | undefined;
  for (let code = 0; code <= LAST_CHARACTER; code++) {
    const kind = isSurrogate(code) ? 0 : kindOf(String.fromCodePoint(code));
    if (kind !== last) ranges.push(code * 4 + kind);
    last = kind;
  }
  return ranges;
}

export interface Lowercase {
  /** Characters that lower-casing changes, sorted. */
  readonly capitals: readonly number[];
  /** Three characters for each of them; zeros where they are fewer. */
  readonly small: readonly number[];
  /** The characters that decide whether a sigma ends a word, sorted: character · 2, + 1 for those to ignore. Empty without a sigma. */
  readonly neighbours: readonly number[];
}

/** Most characters that one becomes in lower case. */
const MOST_SMALL = 3;
const SIGMAS = ["\u03c3", "\u03c2"];
const CASED = /\p{Cased}/u;
const IGNORED = /\p{Case_Ignorable}/u;

/** The rules of lower-casing for texts of which all lower-case characters are in `known`. Other texts are rejected. */
export function lowercaseFor(known: ReadonlySet<string>): Lowercase {
  const capitals: number[] = [];
  const small: number[] = [];
  const neighbours: number[] = [];
  const hasSigma = SIGMAS.some((sigma) => known.has(sigma));
  for (let code = 0; code <= LAST_CHARACTER; code++) {
    if (isSurrogate(code)) continue;
    const character = String.fromCodePoint(code);
    const changed = character.toLowerCase();
    if (changed === character && !known.has(character)) continue;
    const lower = Array.from(changed);
    const isSigma = lower.length === 1 && SIGMAS.includes(lower[0]!);
    if (!(isSigma ? hasSigma : lower.every((part) => known.has(part)))) continue;
    if (changed !== character) {
      capitals.push(code);
      small.push(...Array.from({ length: MOST_SMALL }, (_, at) => lower[at]?.codePointAt(0) ?? 0));
    }
    if (!hasSigma) continue;
    if (IGNORED.test(character)) neighbours.push(code * 2 + 1);
    else if (CASED.test(character)) neighbours.push(code * 2);
  }
  return { capitals, small, neighbours };
}
