/** Strings that are copied from the source, such as slot values that a model must not invent. */
import type { GrammarBuilder, Part } from "../grammar.js";
import { quoted } from "./json-values.js";
import { COPIED_KEYWORD, isObject, reject, rejectOthers, type Schema } from "./keywords.js";

/** Characters of words. Combining marks belong to the letter before them. */
const WORD = /[\p{L}\p{N}\p{M}]/u;
const MARK = /\p{M}/u;
/** Scripts without spaces between words. A word may end between any two letters. */
const WITHOUT_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const SPACE = /\s/u;

/** Maximum length of `joinedBy` [characters]. */
const LONGEST_JOIN = 100;

/** The copied strings of a schema. They share one rule for the text that may be copied. */
export class CopiedStrings {
  readonly #builder: GrammarBuilder;
  readonly #source: string | undefined;
  #stretch: Part | undefined;

  constructor(builder: GrammarBuilder, source: string | undefined) {
    this.#builder = builder;
    this.#source = source;
  }

  /**
   * A JSON string of one or more consecutive words of the source, including the spaces and punctuation between them. From a source without words,
   * only the empty string can be copied. Characters are escaped as by `JSON.stringify`.
   *
   * @throws SlmError DATA_INVALID if the keyword is neither true nor `{ joinedBy }`, or if there is no source
   */
  part(schema: Schema, pointer: string): Part {
    rejectOthers(schema, pointer, ["type", COPIED_KEYWORD]);
    const join = joinOf(schema[COPIED_KEYWORD], pointer);
    if (this.#source === undefined) throw reject(pointer, `'${COPIED_KEYWORD}' needs a source to copy from`);
    const builder = this.#builder;
    if (!/\S/u.test(this.#source)) return builder.text('""');
    const stretch = (this.#stretch ??= builder.rule(stretchOf(builder, this.#source)));
    if (join === undefined) return quoted(builder, stretch);
    const further = builder.repeat(builder.sequence(builder.text(inJson(join)), stretch), 0, Infinity);
    return quoted(builder, builder.sequence(stretch, further));
  }
}

function stretchOf(builder: GrammarBuilder, source: string): Part {
  const characters = Array.from(source);
  const edges = [...characters, undefined].map((next, at) => {
    const before = characters[at - 1];
    const isBetween = isBoundary(before, next);
    return {
      begins: isBetween && next !== undefined && !SPACE.test(next),
      ends: isBetween && before !== undefined && !SPACE.test(before),
    };
  });
  return builder.stretch(characters.map(inJson), edges);
}

/** A text within a JSON string. */
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** The text that joins several stretches; undefined if the string is a single stretch. */
function joinOf(keyword: unknown, pointer: string): string | undefined {
  if (keyword === true) return undefined;
  const join = isObject(keyword) && Object.keys(keyword).length === 1 ? keyword["joinedBy"] : undefined;
  if (typeof join === "string" && join.length > 0 && join.length <= LONGEST_JOIN) return join;
  throw reject(pointer, `'${COPIED_KEYWORD}' must be true or {"joinedBy": TEXT}`);
}

/** Whether a word may end between two neighbours; undefined marks the start or end of the source. */
function isBoundary(before: string | undefined, next: string | undefined): boolean {
  if (before === undefined || next === undefined) return true;
  if (MARK.test(next)) return false;
  return !WORD.test(before) || !WORD.test(next) || WITHOUT_SPACES.test(before) || WITHOUT_SPACES.test(next);
}
