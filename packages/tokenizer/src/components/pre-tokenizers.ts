/**
 * The pre-tokenizers of a `tokenizer.json`, with the same results as the native library. `@huggingface/tokenizers` differs for non-ASCII letters
 * (Whitespace), non-ASCII digits (Digits), consecutive punctuation (Punctuation) and inner spaces (Metaspace), and supports only two of the
 * split behaviors (Split).
 *
 * Source: Hugging Face `tokenizers` 0.23, `pre_tokenizers` and `SplitDelimiterBehavior`.
 */
import { byteSymbols } from "../text/byte-symbols.js";
import { literalPattern, ownPattern, type Pattern } from "../patterns/pattern.js";
import { flagOf, inOrder, patternOf, textOf, type CompilePattern, type Component } from "./component.js";
import { reject } from "../patterns/reject.js";
import { checkGrowth, longestFrom } from "./growth.js";

/** A piece of a text, and whether it is at the start of the text. */
interface Piece {
  readonly text: string;
  readonly isFirst: boolean;
}

export type Cut = (piece: Piece) => readonly Piece[];

/** Unicode punctuation, and all ASCII punctuation, including what Unicode classifies as symbols. */
const PUNCTUATION = ownPattern(/[\p{P}!-/:-@[-`{-~]/gu);
const WHITE_SPACE = ownPattern(/\p{White_Space}/gu);
/** Word characters, as in Rust's regular expressions. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORDS = ownPattern(new RegExp(String.raw`[${WORD}]+|[^${WORD}\p{White_Space}]+`, "gu"));
/** GPT-2's pattern for words. */
const BYTE_LEVEL = ownPattern(
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
);
const NUMBERS = ownPattern(/\p{N}/gu);

/** One entry per type. */
const PRE_TOKENIZERS: Readonly<Record<string, (component: Component, compile: CompilePattern) => Cut>> = {
  Whitespace: () => splitter(WORDS, "Removed", true),
  WhitespaceSplit: () => splitter(WHITE_SPACE, "Removed"),
  BertPreTokenizer: () => {
    const [words, marks] = [splitter(WHITE_SPACE, "Removed"), splitter(PUNCTUATION, "Isolated")];
    return (piece) => words(piece).flatMap(marks);
  },
  Punctuation: (component) => splitter(PUNCTUATION, behaviorOf(component, "Isolated")),
  Digits: (component) =>
    splitter(NUMBERS, flagOf(component, "individual_digits", false) ? "Isolated" : "Contiguous"),
  CharDelimiterSplit: (component) => splitter(literalPattern(textOf(component, "delimiter")), "Removed"),
  Split: (component, compile) =>
    splitter(patternOf(component, compile), behaviorOf(component), flagOf(component, "invert", false)),
  FixedLength: fixedLength,
  Metaspace: metaspace,
  ByteLevel: byteLevel,
};

/**
 * Compiles a pre-tokenizer to a function that splits a piece.
 *
 * @throws SlmError DATA_INVALID for an unsupported type or setting
 */
export function compilePreTokenizer(component: Component, compile: CompilePattern): Cut {
  const cuts = inOrder(component, "pretokenizers").map((part) => {
    if (Object.hasOwn(PRE_TOKENIZERS, part.type)) return PRE_TOKENIZERS[part.type]!(part, compile);
    throw reject(`the pre-tokenizer '${part.type.slice(0, 80)}' is not supported`);
  });
  return (piece) => {
    const longest = longestFrom(piece.text.length);
    let pieces: readonly Piece[] = [piece];
    for (const cut of cuts) {
      let length = 0;
      pieces = pieces.flatMap((piece) => {
        const parts = cut(piece);
        for (const { text } of parts) length += text.length;
        checkGrowth(length, longest);
        return parts;
      });
    }
    return pieces;
  };
}

/** A match, or the text between two matches. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** Split behaviors: whether matches are kept, and with which neighbours they are merged. */
const BEHAVIORS = {
  Isolated: (stretches) => stretches,
  Removed: (stretches) => stretches.filter(({ isMatch }) => !isMatch),
  Contiguous: (stretches) => joined(stretches, (last, next) => last.isMatch === next.isMatch),
  // A match is merged with the text before it, unless that text is a match.
  MergedWithPrevious: (stretches) => joined(stretches, (last, next) => !last.isMatch && next.isMatch),
  MergedWithNext: (stretches) => joined(stretches, (last, next) => last.isMatch && !next.isMatch),
} as const satisfies Readonly<Record<string, (stretches: readonly Stretch[]) => readonly Stretch[]>>;
type Behavior = keyof typeof BEHAVIORS;

function behaviorOf(component: Component, fallback?: Behavior): Behavior {
  const name = textOf(component, "behavior", fallback);
  if (Object.hasOwn(BEHAVIORS, name)) return name as Behavior;
  throw reject(
    `${component.type} needs one of ${Object.keys(BEHAVIORS).join(", ")} in 'behavior', got '${name}'`,
  );
}

/** Merges neighbours that belong together. The result counts as a match if its second part is a match. */
function joined(
  stretches: readonly Stretch[],
  belong: (last: Stretch, next: Stretch) => boolean,
): readonly Stretch[] {
  const result: Stretch[] = [];
  for (const next of stretches) {
    const last = result.at(-1);
    if (last !== undefined && belong(last, next)) result[result.length - 1] = { ...next, start: last.start };
    else result.push(next);
  }
  return result;
}

function splitter(pattern: Pattern, behavior: Behavior, isInverted = false): Cut {
  return ({ text, isFirst }) => {
    const stretches: Stretch[] = [];
    const add = (start: number, end: number, isMatch: boolean): void => {
      if (end > start) stretches.push({ start, end, isMatch: isMatch !== isInverted });
    };
    let start = 0;
    const matches = pattern.matches(text);
    for (let index = 0; index < matches.length; index += 2) {
      add(start, matches[index]!, false);
      start = matches[index + 1]!;
      add(matches[index]!, start, true);
    }
    add(start, text.length, false);
    return BEHAVIORS[behavior](stretches).map((stretch) => ({
      text: text.slice(stretch.start, stretch.end),
      isFirst: isFirst && stretch.start === 0,
    }));
  };
}

function fixedLength(component: Component): Cut {
  const length = component["length"] ?? 5;
  if (typeof length !== "number" || !Number.isInteger(length) || length < 1)
    throw reject(`FixedLength needs a whole number in 'length', got ${JSON.stringify(length)}`);
  return splitter(ownPattern(new RegExp(`[^]{1,${length}}`, "gu")), "Isolated");
}

/** Longest replacement of a space [characters]; the replacements in published files have one. */
const LONGEST_SIGN = 16;
const SCHEMES = ["always", "first", "never"];

/** When `Metaspace` adds its prefix to a text; older files have a boolean. @throws SlmError DATA_INVALID */
export function prependScheme(component: Component): string {
  const older = flagOf(component, "add_prefix_space", true) ? "always" : "never";
  const scheme = textOf(component, "prepend_scheme", older);
  if (SCHEMES.includes(scheme)) return scheme;
  throw reject(`Metaspace needs one of ${SCHEMES.join(", ")} in 'prepend_scheme', got '${scheme}'`);
}

function metaspace(component: Component): Cut {
  const sign = textOf(component, "replacement", "\u2581");
  if (sign.length > LONGEST_SIGN) throw reject(`Metaspace has a replacement of ${sign.length} characters`);
  const scheme = prependScheme(component);
  const split = splitter(literalPattern(sign), "MergedWithNext");
  const isSplit = flagOf(component, "split", true);
  return ({ text, isFirst }) => {
    const replaced = text.replaceAll(" ", () => sign);
    const isPrefixed = text !== "" && (scheme === "always" || (scheme === "first" && isFirst));
    const whole = isPrefixed && !replaced.startsWith(sign) ? sign + replaced : replaced;
    return isSplit ? split({ text: whole, isFirst }) : [{ text: whole, isFirst }];
  };
}

function byteLevel(component: Component): Cut {
  const isPrefixed = flagOf(component, "add_prefix_space", true);
  const words = flagOf(component, "use_regex", true) ? splitter(BYTE_LEVEL, "Isolated") : undefined;
  return ({ text, isFirst }) => {
    const isOpened = !isPrefixed || text === "" || text.startsWith(" ");
    const begun = { text: isOpened ? text : ` ${text}`, isFirst };
    const pieces = words === undefined ? [begun] : words(begun);
    return pieces.map((piece) => ({ text: byteSymbols(piece.text), isFirst: piece.isFirst }));
  };
}
