/**
 * The pre-tokenizers of a `tokenizer.json`, with the results of the native library. `@huggingface/tokenizers` differs from it for
 * non-ASCII letters (Whitespace), non-ASCII digits (Digits), consecutive punctuation (Punctuation) and inner spaces (Metaspace),
 * and supports only two of the split behaviors (Split).
 *
 * Source: Hugging Face `tokenizers` 0.23, `pre_tokenizers` and `SplitDelimiterBehavior`.
 */
import { BYTE_CHARACTERS } from "../byte-symbols.js";
import { utf8Bytes } from "../utf8.js";
import {
  flagOf,
  literal,
  partsOf,
  patternOf,
  reject,
  textOf,
  type CompilePattern,
  type Component,
} from "./component.js";

/** A piece of a text, and whether it starts the text. */
interface Piece {
  readonly text: string;
  readonly isFirst: boolean;
}

export type Cut = (piece: Piece) => readonly Piece[];

/** Unicode punctuation, and all ASCII punctuation, including what Unicode classifies as symbols. */
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const WHITE_SPACE = /\p{White_Space}/gu;
/** Word characters of Rust's regular expressions. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORDS = new RegExp(String.raw`[${WORD}]+|[^${WORD}\p{White_Space}]+`, "gu");
/** GPT-2's pattern of words. */
const BYTE_LEVEL =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** One row per type. */
const PRE_TOKENIZERS: Readonly<Record<string, (component: Component, compile: CompilePattern) => Cut>> = {
  Whitespace: () => splitter(WORDS, "Removed", true),
  WhitespaceSplit: () => splitter(WHITE_SPACE, "Removed"),
  BertPreTokenizer: () => inTurn([splitter(WHITE_SPACE, "Removed"), splitter(PUNCTUATION, "Isolated")]),
  Punctuation: (component) => splitter(PUNCTUATION, behaviorOf(component, "Isolated")),
  Digits: (component) =>
    splitter(/\p{N}/gu, flagOf(component, "individual_digits", false) ? "Isolated" : "Contiguous"),
  CharDelimiterSplit: (component) => splitter(literal(textOf(component, "delimiter")), "Removed"),
  Split: (component, compile) =>
    splitter(patternOf(component, compile), behaviorOf(component), flagOf(component, "invert", false)),
  FixedLength: fixedLength,
  Metaspace: metaspace,
  ByteLevel: byteLevel,
  Sequence: (component, compile) =>
    inTurn(partsOf(component, "pretokenizers").map((part) => compilePreTokenizer(part, compile))),
};

/**
 * Compiles a pre-tokenizer to a function that splits a piece.
 *
 * @throws SlmError DATA_INVALID for an unsupported type or setting
 */
export function compilePreTokenizer(component: Component, compile: CompilePattern): Cut {
  if (Object.hasOwn(PRE_TOKENIZERS, component.type))
    return PRE_TOKENIZERS[component.type]!(component, compile);
  throw reject(`the pre-tokenizer '${component.type}' is not supported`);
}

function inTurn(cuts: readonly Cut[]): Cut {
  return (piece) => cuts.reduce<readonly Piece[]>((pieces, cut) => pieces.flatMap(cut), [piece]);
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
  // A match is merged with the text before it, unless that is a match itself.
  MergedWithPrevious: (stretches) => joined(stretches, (last, next) => !last.isMatch && next.isMatch),
  MergedWithNext: (stretches) => joined(stretches, (last, next) => last.isMatch && !next.isMatch),
} as const satisfies Readonly<Record<string, (stretches: readonly Stretch[]) => readonly Stretch[]>>;
type Behavior = keyof typeof BEHAVIORS;

function behaviorOf(component: Component, fallback?: Behavior): Behavior {
  const name = textOf(component, "behavior", fallback);
  if (Object.hasOwn(BEHAVIORS, name)) return name as Behavior;
  throw reject(`${component.type} needs a behavior of ${Object.keys(BEHAVIORS).join(", ")}, got '${name}'`);
}

/** Merges neighbours that belong together; the result counts as a match if its second part is one. */
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

function splitter(pattern: RegExp, behavior: Behavior, isInverted = false): Cut {
  return ({ text, isFirst }) => {
    const stretches: Stretch[] = [];
    const add = (start: number, end: number, isMatch: boolean): void => {
      if (end > start) stretches.push({ start, end, isMatch: isMatch !== isInverted });
    };
    let start = 0;
    for (const { 0: match, index } of text.matchAll(pattern)) {
      add(start, index, false);
      start = index + match.length;
      add(index, start, true);
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
  return splitter(new RegExp(`[^]{1,${length}}`, "gu"), "Isolated");
}

const SCHEMES = ["always", "first", "never"];

/** When `Metaspace` adds its prefix to a text; older files have a boolean instead. @throws SlmError DATA_INVALID */
export function prependScheme(component: Component): string {
  const older = flagOf(component, "add_prefix_space", true) ? "always" : "never";
  const scheme = textOf(component, "prepend_scheme", older);
  if (SCHEMES.includes(scheme)) return scheme;
  throw reject(`Metaspace needs a prepend_scheme of ${SCHEMES.join(", ")}, got '${scheme}'`);
}

function metaspace(component: Component): Cut {
  const sign = textOf(component, "replacement", "\u2581");
  const scheme = prependScheme(component);
  const split = splitter(literal(sign), "MergedWithNext");
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
    return pieces.map((piece) => ({
      text: Array.from(utf8Bytes(piece.text), (byte) => BYTE_CHARACTERS[byte]!).join(""),
      isFirst: piece.isFirst,
    }));
  };
}
