/** Patterns of a `tokenizer.json`. All of them match in time that is linear in the length of the text. */
import { Automaton, Scan } from "./automaton.js";
import { CharacterClasses } from "./character-classes.js";
import { compileProgram } from "./program.js";

export interface Pattern {
  /** Start and end of every match, from left to right, as in `String.matchAll`. */
  matches(text: string): readonly number[];
}

/** Matches of a regular expression. @throws SlmError DATA_INVALID if the expression is not supported, or too large */
export function linearPattern({ source }: Pick<RegExp, "source">): Pattern {
  const classes = new CharacterClasses();
  const automaton = new Automaton(compileProgram(source, classes), classes);
  return {
    matches(text) {
      const scan = new Scan(automaton, text);
      const found: number[] = [];
      for (let at = 0; at <= text.length;) {
        const end = scan.endOfMatch(at);
        if (end >= 0) found.push(at, end);
        at = end > at ? end : at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
      }
      return found;
    },
  };
}

/** Occurrences of a literal text. */
export function literalPattern(literal: string): Pattern {
  return {
    matches(text) {
      const found: number[] = [];
      for (let at = text.indexOf(literal); at >= 0 && at <= text.length;) {
        found.push(at, at + literal.length);
        const next = literal === "" ? at + (text.codePointAt(at)! > 0xffff ? 2 : 1) : at + literal.length;
        if (next > text.length) break;
        at = text.indexOf(literal, next);
      }
      return found;
    },
  };
}

/** Matches of one of this package's own expressions, which are known to match in linear time. @param expression with the flags `gu` */
export function ownPattern(expression: RegExp): Pattern {
  return {
    matches(text) {
      const found: number[] = [];
      for (const { 0: match, index } of text.matchAll(expression)) found.push(index, index + match.length);
      return found;
    },
  };
}
