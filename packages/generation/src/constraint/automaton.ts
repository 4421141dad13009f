/**
 * A lazily built automaton that matches bytes against a grammar. A state is the set of all configurations that the bytes read so far allow. A
 * configuration is a place and a stack of places to return to. Each state is built on demand and caches its transitions.
 */
import { SlmError } from "@slm/core";
import type { Grammar } from "./grammar.js";

/** Places to return to, the innermost first. Equal stacks are the same object. */
interface Stack {
  readonly id: number;
  readonly place: number;
  readonly below: Stack | undefined;
  readonly above: Map<number, Stack>;
}

interface Configuration {
  readonly place: number;
  readonly stack: Stack;
}

export interface State {
  readonly configurations: readonly Configuration[];
  /** Whether the text may end here. */
  readonly isEnd: boolean;
  /** Transitions by byte; undefined for a byte that cannot follow. */
  readonly next: Map<number, State | undefined>;
}

/** Maximum number of configurations of one state. A grammar that needs more is too ambiguous. */
const MOST_CONFIGURATIONS = 4096;

/** Maximum number of cached states. When the cache is full it is cleared, and states are built again as needed. States in use stay valid. */
const MOST_STATES = 20_000;

export class Automaton {
  readonly start: State;
  readonly #grammar: Grammar;
  readonly #root: Stack = { id: 0, place: -1, below: undefined, above: new Map() };
  readonly #states = new Map<string, State>();
  #lastStack = 0;

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
    this.start = this.#stateOf([{ place: grammar.rules[grammar.start]!, stack: this.#root }]);
  }

  /**
   * The state after a byte; undefined if the byte cannot follow.
   *
   * @throws SlmError DATA_INVALID if the grammar is too ambiguous.
   */
  step(state: State, byte: number): State | undefined {
    const known = state.next.get(byte);
    if (known !== undefined || state.next.has(byte)) return known;
    const reached = state.configurations.flatMap(({ place, stack }) =>
      this.#grammar.places[place]!.bytes.flatMap(({ low, high, to }) =>
        byte >= low && byte <= high ? [{ place: to, stack }] : [],
      ),
    );
    const next = reached.length === 0 ? undefined : this.#stateOf(reached);
    state.next.set(byte, next);
    return next;
  }

  /** The state of all places that are reachable without reading a byte. */
  #stateOf(reached: readonly Configuration[]): State {
    const found = new Map<string, Configuration>();
    const open = [...reached];
    let isEnd = false;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const key = `${at.place},${at.stack.id}`;
      if (found.has(key)) continue;
      found.set(key, at);
      if (found.size > MOST_CONFIGURATIONS) throw ambiguous();
      const { free, calls, isEnd: mayReturn } = this.#grammar.places[at.place]!;
      const { stack } = at;
      for (const place of free) open.push({ place, stack });
      for (const { rule, then } of calls)
        open.push({ place: this.#grammar.rules[rule]!, stack: this.#push(then, stack) });
      if (!mayReturn) continue;
      if (stack.below === undefined) isEnd = true;
      else open.push({ place: stack.place, stack: stack.below });
    }
    // Only places that read a byte matter.
    const reading = [...found].filter(([, { place }]) => this.#grammar.places[place]!.bytes.length > 0);
    const key = `${isEnd ? "end" : ""}|${reading
      .map(([name]) => name)
      .sort()
      .join("|")}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MOST_STATES) this.#states.clear();
    const state = { configurations: reading.map(([, one]) => one), isEnd, next: new Map() };
    this.#states.set(key, state);
    return state;
  }

  #push(place: number, below: Stack): Stack {
    const known = below.above.get(place);
    if (known !== undefined) return known;
    const stack = { id: ++this.#lastStack, place, below, above: new Map<number, Stack>() };
    below.above.set(place, stack);
    return stack;
  }
}

function ambiguous(): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `constraint: a text can be read in more than ${MOST_CONFIGURATIONS} ways at once; the schema is too ambiguous`,
    { suggestions: ["make the alternatives of anyOf start with different text"] },
  );
}
