/**
 * Runs the program of any regular expression in time that is linear in the length of the text: a deterministic automaton that builds its states
 * as texts need them. A state is the list of program steps reached so far in order of preference, so matches are the same as those of a
 * backtracking engine (leftmost, then by preference).
 *
 * Sources: Cox, "Regular Expression Matching in the Wild", 2010 (states with preferences); Reps, "Maximal-Munch Tokenization in Linear Time",
 * 1998 (remembers positions without a match, so that they are not read again).
 */
import { SlmError } from "@slm/core";
import { EDGE, type CharacterClasses } from "./character-classes.js";
import type { Program } from "./program.js";

/** Most states and transitions of one automaton. Published tokenizers need under a hundred states; an expression that needs more is rejected. */
const MOST_STATES = 1024;
const MOST_TRANSITIONS = 50_000;

/** What happens at one position: whether a match ends there, and the state after the character. */
interface Transition {
  readonly isMatch: boolean;
  readonly to: State | undefined;
}

interface State {
  readonly id: number;
  /** Steps to follow from here, in order of preference. */
  readonly steps: readonly number[];
  /** Whether there is no character before this position in reading direction. */
  readonly isFirst: boolean;
  /** Lookaheads and lookbehinds that the next transition may depend on. */
  readonly looks: readonly number[];
  /** By class of the next character and results of the look-around assertions. */
  readonly next: (Transition | undefined)[];
}

export class Automaton {
  readonly classes: CharacterClasses;
  readonly program: Program;
  readonly looks: readonly Automaton[];
  readonly #states = new Map<string, State>();
  #transitions = 0;

  constructor(program: Program, classes: CharacterClasses) {
    this.program = program;
    this.classes = classes;
    this.looks = program.looks.map((look) => new Automaton(look, classes));
  }

  start(isFirst: boolean): State {
    return this.#stateOf([this.program.start], isFirst);
  }

  /** @param answers one bit for each of the state's look-around assertions, the first in the lowest bit */
  step(state: State, classId: number, answers: number): Transition {
    const at = classId * 2 ** state.looks.length + answers;
    return (state.next[at] ??= this.#transition(state, classId, answers));
  }

  #transition(state: State, classId: number, answers: number): Transition {
    if (++this.#transitions > MOST_TRANSITIONS) throw tooComplex();
    const { steps } = this.program;
    const reached: number[] = [];
    const seen = new Set<number>();
    const open = state.steps.toReversed();
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const step = steps[at]!;
      switch (step.kind) {
        case "match":
          // Steps with a lower preference than a match are never followed.
          return { isMatch: true, to: this.#after(reached) };
        case "either":
          open.push(step.second, step.first);
          break;
        case "character":
          if (classId !== EDGE && this.classes.has(classId, step.set)) reached.push(step.next);
          break;
        case "edge":
          if (step.side === "ahead" ? classId === EDGE : state.isFirst) open.push(step.next);
          break;
        case "look": {
          const isFound = ((answers >>> state.looks.indexOf(step.look)) & 1) === 1;
          if (isFound !== step.isNegated) open.push(step.next);
        }
      }
    }
    return { isMatch: false, to: this.#after(reached) };
  }

  #after(reached: readonly number[]): State | undefined {
    return reached.length === 0 ? undefined : this.#stateOf([...new Set(reached)], false);
  }

  #stateOf(steps: readonly number[], isFirst: boolean): State {
    const key = `${isFirst ? "^" : ""}${steps.join(",")}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MOST_STATES) throw tooComplex();
    const state = { id: this.#states.size, steps, isFirst, looks: this.#looksFrom(steps), next: [] };
    this.#states.set(key, state);
    return state;
  }

  #looksFrom(from: readonly number[]): readonly number[] {
    if (this.looks.length === 0) return [];
    const seen = new Set(from);
    const looks = new Set<number>();
    for (const at of seen) {
      const step = this.program.steps[at]!;
      if (step.kind === "look") looks.add(step.look);
      if (step.kind === "either") seen.add(step.first).add(step.second);
      else if (step.kind === "look" || step.kind === "edge") seen.add(step.next);
    }
    return [...looks];
  }
}

/** Number of characters read without a match before positions are remembered; reading fewer characters again is faster. */
const REMEMBERED_FROM = 64;

/** An automaton on one text. */
export class Scan {
  readonly #automaton: Automaton;
  readonly #text: string;
  readonly #looks: readonly Scan[];
  /** By state: the positions from which no further match exists, one bit each. */
  readonly #vain: (Uint8Array | undefined)[] = [];
  /** By state: the positions from which a match exists; only for lookaheads and lookbehinds. */
  readonly #found: (Uint8Array | undefined)[] = [];

  constructor(automaton: Automaton, text: string) {
    this.#automaton = automaton;
    this.#text = text;
    this.#looks = automaton.looks.map((look) => new Scan(look, text));
  }

  /** End of the preferred match from a position; -1 if there is none. */
  endOfMatch(from: number): number {
    let [state, at] = [this.#automaton.start(from === 0), from];
    let [end, endState] = [-1, state];
    const isRemembering = this.#vain.length > 0;
    for (;;) {
      if (isRemembering && hasBit(this.#vain[state.id], at)) break;
      const codePoint = this.#text.codePointAt(at);
      const { isMatch, to } = this.#step(state, at, codePoint);
      if (isMatch) [end, endState] = [at, state];
      if (to === undefined || codePoint === undefined) break;
      state = to;
      at += codePoint > 0xffff ? 2 : 1;
    }
    const last = end === -1 ? from : end;
    if (at - last >= REMEMBERED_FROM) this.#remember(endState, last, at);
    return end;
  }

  /** Whether anything matches from a position, in the program's reading direction. */
  isMatchAt(from: number): boolean {
    const { isBackward } = this.#automaton.program;
    const visited: [state: number, at: number][] = [];
    let state = this.#automaton.start(isBackward ? from === this.#text.length : from === 0);
    let isFound = false;
    for (let at = from; ;) {
      if (hasBit(this.#found[state.id], at)) {
        isFound = true;
        break;
      }
      if (hasBit(this.#vain[state.id], at)) break;
      visited.push([state.id, at]);
      const codePoint = isBackward ? codePointBefore(this.#text, at) : this.#text.codePointAt(at);
      const { isMatch, to } = this.#step(state, at, codePoint);
      isFound = isMatch;
      if (isMatch || to === undefined || codePoint === undefined) break;
      state = to;
      at += (isBackward ? -1 : 1) * (codePoint > 0xffff ? 2 : 1);
    }
    // Repeating a short lookaround is faster than remembering it.
    if (visited.length >= REMEMBERED_FROM)
      for (const [id, at] of visited) this.#mark(isFound ? this.#found : this.#vain, id, at);
    return isFound;
  }

  #step(state: State, at: number, codePoint: number | undefined): Transition {
    const classId = codePoint === undefined ? EDGE : this.#automaton.classes.of(codePoint);
    const { looks } = state;
    let answers = 0;
    for (let index = 0; index < looks.length; index++)
      if (this.#looks[looks[index]!]!.isMatchAt(at)) answers |= 1 << index;
    return this.#automaton.step(state, classId, answers);
  }

  /** Marks the positions between the end of a match and the place where reading stopped: they lead to no match. */
  #remember(from: State, start: number, end: number): void {
    let state = from;
    for (let at = start; at < end;) {
      if (at > start) this.#mark(this.#vain, state.id, at);
      const codePoint = this.#text.codePointAt(at)!;
      const { to } = this.#step(state, at, codePoint);
      if (to === undefined) return;
      state = to;
      at += codePoint > 0xffff ? 2 : 1;
    }
  }

  #mark(marks: (Uint8Array | undefined)[], id: number, at: number): void {
    const bits = (marks[id] ??= new Uint8Array((this.#text.length >>> 3) + 1));
    bits[at >>> 3]! |= 1 << (at & 7);
  }
}

function hasBit(bits: Uint8Array | undefined, at: number): boolean {
  return bits !== undefined && ((bits[at >>> 3]! >>> (at & 7)) & 1) === 1;
}

function codePointBefore(text: string, at: number): number | undefined {
  if (at === 0) return undefined;
  const unit = text.charCodeAt(at - 1);
  const isLow = unit >= 0xdc00 && unit <= 0xdfff && at > 1;
  const pair = isLow ? text.codePointAt(at - 2)! : unit;
  return pair > 0xffff ? pair : unit;
}

function tooComplex(): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `tokenizer: tokenizer.json: a regular expression needs more than ${MOST_STATES} states or ${MOST_TRANSITIONS} transitions on this text`,
    { suggestions: ["use smaller counts in { } and fewer alternatives that start alike"] },
  );
}
