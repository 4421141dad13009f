/** Patterns of a `tokenizer.json`, all of which take time that grows linearly with the text. */
import { Automaton, Scan } from "./automaton.js";
import { CharacterClasses } from "./character-classes.js";
import { compileProgram } from "./program.js";

export interface Pattern {
  /** Start and end of every match in turn, from left to right, as `String.matchAll` finds them. */
  matches(text: string): readonly number[];
}

/** Matches of a regular expression. @throws SlmError DATA_INVALID for one that is not supported, or too large */
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

/** Occurrences of a text. */
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

/** Matches of an expression of this package, which is known to take linear time. @param expression with the flags `gu` */
export function ownPattern(expression: RegExp): Pattern {
  return {
    matches(text) {
      const found: number[] = [];
      for (const { 0: match, index } of text.matchAll(expression)) found.push(index, index + match.length);
      return found;
    },
  };
}
