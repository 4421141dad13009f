/**
 * Compiles the syntax tree of a regular expression to a program for an automaton (Thompson 1968; Pike's priorities).
 *
 * Back references and repetition of an expression that can match the empty text are not supported: no automaton of limited size reproduces
 * JavaScript's results for them.
 */
import { RegExpParser, type AST } from "@eslint-community/regexpp";
import { reject } from "./reject.js";
import type { CharacterClasses, SetId } from "./character-classes.js";

/** Longest regular expression [characters]; published tokenizers have up to about 500. */
const LONGEST_SOURCE = 10_000;
/** Most steps of a program. Repetition with counts is unrolled. */
const MOST_STEPS = 4000;
/** Most character sets. Each is tested once for every character that was not seen before. */
const MOST_SETS = 256;
/** Most lookaheads and lookbehinds. Each multiplies the transitions of the states that depend on it. */
const MOST_LOOKS = 12;

type Step =
  | { readonly kind: "character"; readonly set: SetId; readonly next: number }
  /** Both steps, the first preferred. */
  | { readonly kind: "either"; readonly first: number; readonly second: number }
  /** Continues only at an edge of the text: ahead in reading direction, or behind. */
  | { readonly kind: "edge"; readonly side: "ahead" | "behind"; readonly next: number }
  | { readonly kind: "look"; readonly look: number; readonly isNegated: boolean; readonly next: number }
  | { readonly kind: "match" };

/** A lookahead or lookbehind: a separate program, which runs where the automaton needs its result. */
export interface Program {
  readonly steps: readonly Step[];
  readonly start: number;
  /** Whether it reads from right to left, as a lookbehind does. */
  readonly isBackward: boolean;
  readonly looks: readonly Program[];
}

/**
 * Compiles a regular expression in JavaScript's syntax with the flag `u`.
 *
 * @param classes registers the character sets
 * @throws SlmError DATA_INVALID if the expression is not supported, or too large
 */
export function compileProgram(source: string, classes: CharacterClasses): Program {
  if (source.length > LONGEST_SOURCE)
    throw reject(`a regular expression has ${source.length} characters, expected at most ${LONGEST_SOURCE}`);
  const parsed = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(source, 0, source.length, {
    unicode: true,
  });
  const limits = { steps: 0, looks: 0 };
  return new Compiler(classes, limits, false).program(parsed.alternatives);
}

type Limits = { steps: number; looks: number };

class Compiler {
  readonly #classes: CharacterClasses;
  readonly #limits: Limits;
  readonly #isBackward: boolean;
  readonly #steps: Step[] = [];
  readonly #looks: Program[] = [];

  constructor(classes: CharacterClasses, limits: Limits, isBackward: boolean) {
    this.#classes = classes;
    this.#limits = limits;
    this.#isBackward = isBackward;
  }

  program(alternatives: readonly AST.Alternative[]): Program {
    const start = this.#choice(alternatives, this.#add({ kind: "match" }));
    return { steps: this.#steps, start, isBackward: this.#isBackward, looks: this.#looks };
  }

  /** Adds a step. Programs are built from the end, so the next step is always known. */
  #add(step: Step): number {
    if (++this.#limits.steps > MOST_STEPS)
      throw reject(`a regular expression needs more than ${MOST_STEPS} steps; use smaller counts in { }`);
    return this.#steps.push(step) - 1;
  }

  #choice(alternatives: readonly AST.Alternative[], next: number): number {
    const starts = alternatives.map((one) => this.#sequence(one.elements, next));
    return starts.reduceRight((second, first) => this.#add({ kind: "either", first, second }));
  }

  #sequence(elements: readonly AST.Element[], next: number): number {
    const ordered = this.#isBackward ? elements : elements.toReversed();
    return ordered.reduce((then, element) => this.#element(element, then), next);
  }

  #element(element: AST.Element, next: number): number {
    switch (element.type) {
      case "Character":
      case "CharacterClass":
      case "CharacterSet":
        return this.#character(element.raw, next);
      case "Group":
        if (element.modifiers !== null) throw unsupported(element.raw, "flags inside a regular expression");
        return this.#choice(element.alternatives, next);
      case "CapturingGroup":
        return this.#choice(element.alternatives, next);
      case "Quantifier":
        return this.#repeat(element, next);
      case "Assertion":
        return this.#assertion(element, next);
      case "Backreference":
        throw unsupported(element.raw, "a back reference");
      case "ExpressionCharacterClass":
        throw unsupported(element.raw, "set operations");
    }
  }

  #character(source: string, next: number): number {
    const set = this.#classes.set(source);
    if (this.#classes.size > MOST_SETS)
      throw reject(`a regular expression has more than ${MOST_SETS} different character sets`);
    return this.#add({ kind: "character", set, next });
  }

  #repeat({ element, min, max, greedy, raw }: AST.Quantifier, next: number): number {
    if (isNullable(element) && min !== max)
      throw unsupported(raw, "repetition of an expression that can match the empty text");
    const either = (go: number, leave: number): Step => ({
      kind: "either",
      first: greedy ? go : leave,
      second: greedy ? leave : go,
    });
    let at = next;
    if (max === Infinity) {
      // The loop exists before its body, which leads back to it.
      at = this.#add({ kind: "match" });
      this.#steps[at] = either(this.#element(element, at), next);
    } else {
      for (let count = min; count < max; count++) at = this.#add(either(this.#element(element, at), next));
    }
    for (let count = 0; count < min; count++) at = this.#element(element, at);
    return at;
  }

  #assertion(assertion: AST.Assertion, next: number): number {
    switch (assertion.kind) {
      case "start":
      case "end": {
        const isAhead = (assertion.kind === "end") !== this.#isBackward;
        return this.#add({ kind: "edge", side: isAhead ? "ahead" : "behind", next });
      }
      case "word":
        return this.#wordBoundary(assertion.negate, next);
      case "lookahead":
      case "lookbehind": {
        const isBackward = assertion.kind === "lookbehind";
        const look = this.#look(
          new Compiler(this.#classes, this.#limits, isBackward).program(assertion.alternatives),
        );
        return this.#add({ kind: "look", look, isNegated: assertion.negate, next });
      }
    }
  }

  #look(program: Program): number {
    if (++this.#limits.looks > MOST_LOOKS)
      throw reject(`a regular expression has more than ${MOST_LOOKS} lookaheads and lookbehinds`);
    return this.#looks.push(program) - 1;
  }

  /** `\b` matches between a word character and another character or an edge; `\B` matches everywhere else. */
  #wordBoundary(isNegated: boolean, next: number): number {
    const [ahead, behind] = [false, true].map((isBackward) => {
      const side = new Compiler(this.#classes, this.#limits, isBackward);
      return this.#look(side.#oneCharacter(String.raw`\w`));
    });
    const both = (isAhead: boolean, isBehind: boolean): number => {
      const then = this.#add({ kind: "look", look: behind!, isNegated: !isBehind, next });
      return this.#add({ kind: "look", look: ahead!, isNegated: !isAhead, next: then });
    };
    const first = both(true, isNegated);
    return this.#add({ kind: "either", first, second: both(false, !isNegated) });
  }

  #oneCharacter(source: string): Program {
    const start = this.#character(source, this.#add({ kind: "match" }));
    return { steps: this.#steps, start, isBackward: this.#isBackward, looks: [] };
  }
}

/** Whether an element can match the empty text. */
function isNullable(element: AST.Element): boolean {
  switch (element.type) {
    case "Character":
    case "CharacterClass":
    case "CharacterSet":
    case "ExpressionCharacterClass":
      return false;
    case "Assertion":
    case "Backreference":
      return true;
    case "Quantifier":
      return element.min === 0 || isNullable(element.element);
    case "Group":
    case "CapturingGroup":
      return element.alternatives.some(({ elements }) => elements.every(isNullable));
  }
}

function unsupported(raw: string, what: string): Error {
  return reject(`${what} is not supported in regular expressions: ${raw.slice(0, 80)}`);
}
