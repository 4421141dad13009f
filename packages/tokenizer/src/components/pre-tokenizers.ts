/**
 * The pre-tokenizers of a `tokenizer.json`, as the native library cuts. `@huggingface/tokenizers` cuts differently from it at
 * letters outside ASCII (Whitespace), other digits (Digits), signs in a row (Punctuation), spaces inside (Metaspace), and knows of
 * what becomes of a separator (Split) only two ways.
 *
 * Source: Hugging Face `tokenizers` 0.23, `pre_tokenizers` and `SplitDelimiterBehavior`.
 */
import { BYTE_CHARACTERS } from "../byte-symbols.js";
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

/** A stretch of a text, and whether it is the text's beginning. */
interface Piece {
  readonly text: string;
  readonly isFirst: boolean;
}

export type Cut = (piece: Piece) => readonly Piece[];

/** The signs of ASCII count as punctuation, those that Unicode calls symbols too. */
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const WHITE_SPACE = /\p{White_Space}/gu;
/** What Rust's regular expressions call a word character. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORDS = new RegExp(String.raw`[${WORD}]+|[^${WORD}\p{White_Space}]+`, "gu");
/** GPT-2's words. */
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
 * How a pre-tokenizer cuts a piece.
 *
 * @throws SlmError DATA_INVALID for a type or a setting that is not read, by name
 */
export function compilePreTokenizer(component: Component, compile: CompilePattern): Cut {
  if (Object.hasOwn(PRE_TOKENIZERS, component.type))
    return PRE_TOKENIZERS[component.type]!(component, compile);
  throw reject(`the pre-tokenizer '${component.type}' is not supported`);
}

function inTurn(cuts: readonly Cut[]): Cut {
  return (piece) => cuts.reduce<readonly Piece[]>((pieces, cut) => pieces.flatMap(cut), [piece]);
}

/** A stretch between two matches, or a match. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** What becomes of the matches of a pattern: which stretches stay, and which are one piece. */
const BEHAVIORS = {
  Isolated: (stretches) => stretches,
  Removed: (stretches) => stretches.filter(({ isMatch }) => !isMatch),
  Contiguous: (stretches) => joined(stretches, (last, next) => last.isMatch === next.isMatch),
  // A match goes to what stands before it, unless that is a match itself.
  MergedWithPrevious: (stretches) => joined(stretches, (last, next) => !last.isMatch && next.isMatch),
  MergedWithNext: (stretches) => joined(stretches, (last, next) => last.isMatch && !next.isMatch),
} as const satisfies Readonly<Record<string, (stretches: readonly Stretch[]) => readonly Stretch[]>>;
type Behavior = keyof typeof BEHAVIORS;

function behaviorOf(component: Component, fallback?: Behavior): Behavior {
  const name = textOf(component, "behavior", fallback);
  if (Object.hasOwn(BEHAVIORS, name)) return name as Behavior;
  throw reject(`${component.type} needs a behavior of ${Object.keys(BEHAVIORS).join(", ")}, got '${name}'`);
}

/** Neighbours as one where they belong together; the joined stretch counts as what its second part was. */
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

/** Where `Metaspace` puts its sign before a text; older files only say whether. @throws SlmError DATA_INVALID */
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
      text: Array.from(Buffer.from(piece.text), (byte) => BYTE_CHARACTERS[byte]!).join(""),
      isFirst: piece.isFirst,
    }));
  };
}
