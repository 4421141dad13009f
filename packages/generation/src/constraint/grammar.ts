/**
 * Grammars over bytes, as recursive transition networks. Places (states) are connected by edges that read a byte, by edges that read nothing
 * (epsilon), and by calls to rules. A rule is itself a network and may call other rules.
 */
import { SlmError } from "@slm/core";

interface ByteEdge {
  readonly low: number;
  readonly high: number;
  readonly to: number;
}

export interface Place {
  readonly bytes: ByteEdge[];
  /** Places reached without reading (epsilon edges). */
  readonly free: number[];
  /** Rules to match first, by number, and the place to continue at after each. */
  readonly calls: { readonly rule: number; readonly then: number }[];
  /** Whether the rule this place belongs to may end here. */
  isEnd: boolean;
}

export interface Grammar {
  readonly places: readonly Place[];
  /** First place of each rule. */
  readonly rules: readonly number[];
  /** The rule that matches a whole text. */
  readonly start: number;
}

/** A part of a grammar. Adds its places and edges after the place `from` and returns the place where it ends. */
export type Part = (from: number) => number;

/** What may happen between two texts of a list. */
interface StretchEdge {
  readonly begins: boolean;
  readonly ends: boolean;
}

/** Maximum number of places in a grammar. A larger grammar is a mistake or an attack. */
const MOST_PLACES = 50_000;

export class GrammarBuilder {
  readonly #places: Place[] = [];
  readonly #rules: number[] = [];

  /** Declares a rule that {@link define} fills in later. A rule may call itself, but only after reading a byte. */
  declare(): number {
    return this.#rules.push(this.#place()) - 1;
  }

  define(rule: number, part: Part): void {
    this.#places[part(this.#rules[rule]!)]!.isEnd = true;
  }

  /** Defines a rule and returns it as a part. */
  rule(part: Part): Part {
    const rule = this.declare();
    this.define(rule, part);
    return this.call(rule);
  }

  call(rule: number): Part {
    return (from) => {
      const then = this.#place();
      this.#places[from]!.calls.push({ rule, then });
      return then;
    };
  }

  /** One byte in these ranges, bounds included. */
  bytes(...ranges: readonly (readonly [low: number, high: number])[]): Part {
    return (from) => {
      const to = this.#place();
      for (const [low, high] of ranges) this.#places[from]!.bytes.push({ low, high, to });
      return to;
    };
  }

  /** Exactly this text, encoded as UTF-8. */
  text(text: string): Part {
    const bytes = new TextEncoder().encode(text);
    return (from) => {
      let at = from;
      for (const byte of bytes) {
        const to = this.#place();
        this.#places[at]!.bytes.push({ low: byte, high: byte, to });
        at = to;
      }
      return at;
    };
  }

  /** One of several texts. They share the places of common beginnings, so at any byte only one place is reached. */
  oneOf(texts: Iterable<string>): Part {
    return (from) => {
      const [start, to] = [this.#branch(from), this.#place()];
      const ways = new Map<number, Map<number, number>>();
      const encoder = new TextEncoder();
      for (const text of texts) {
        let at = start;
        for (const byte of encoder.encode(text)) {
          const known = ways.get(at) ?? new Map<number, number>();
          ways.set(at, known);
          const next = known.get(byte) ?? this.bytes([byte, byte])(at);
          known.set(byte, next);
          at = next;
        }
        this.#join(at, to);
      }
      return to;
    };
  }

  sequence(...parts: readonly Part[]): Part {
    return (from) => parts.reduce((at, part) => part(at), from);
  }

  choice(...parts: readonly Part[]): Part {
    return (from) => {
      const to = this.#place();
      for (const part of parts) this.#join(part(this.#branch(from)), to);
      return to;
    };
  }

  /**
   * One or more consecutive texts of a list.
   *
   * @param edges whether a stretch may begin or end before each text, and after the last one (length: number of texts + 1)
   */
  stretch(texts: readonly string[], edges: readonly StretchEdge[]): Part {
    return (from) => {
      const to = this.#place();
      let at = this.#place();
      for (const [index, text] of texts.entries()) {
        const next = this.text(text)(at);
        // Each start needs its own path to the first text. Otherwise a stretch could begin where another ends and be empty.
        if (edges[index]!.begins) this.#join(this.text(text)(from), next);
        if (edges[index + 1]!.ends) this.#join(next, to);
        at = next;
      }
      return to;
    };
  }

  optional(part: Part): Part {
    return this.repeat(part, 0, 1);
  }

  /** Repeats a part `least` to `most` times; `most` may be Infinity. */
  repeat(part: Part, least: number, most: number): Part {
    return (from) => {
      let at = from;
      for (let count = 0; count < least; count++) at = part(at);
      if (most === Infinity) {
        const loop = this.#branch(at);
        this.#join(part(loop), loop);
        return this.#branch(loop);
      }
      const to = this.#place();
      this.#join(at, to);
      for (let count = least; count < most; count++) {
        at = part(this.#branch(at));
        this.#join(at, to);
      }
      return to;
    };
  }

  /** @throws SlmError DATA_INVALID if a rule calls itself before it reads a byte. */
  build(start: number): Grammar {
    const grammar = { places: this.#places, rules: this.#rules, start };
    rejectLeftRecursion(grammar);
    return grammar;
  }

  #branch(from: number): number {
    const place = this.#place();
    this.#join(from, place);
    return place;
  }

  #join(from: number, to: number): void {
    this.#places[from]!.free.push(to);
  }

  #place(): number {
    if (this.#places.length >= MOST_PLACES) {
      throw new SlmError("DATA_INVALID", `constraint: the grammar is larger than ${MOST_PLACES} places`, {
        suggestions: ["lower minLength, maxLength, minItems or maxItems"],
      });
    }
    return this.#places.push({ bytes: [], free: [], calls: [], isEnd: false }) - 1;
  }
}

/** Rules that a rule can call before it reads a byte. */
function firstCalls({ places, rules }: Grammar, rule: number): readonly number[] {
  const seen = new Set([rules[rule]!]);
  for (const at of seen) for (const to of places[at]!.free) seen.add(to);
  return [...seen].flatMap((at) => places[at]!.calls.map((call) => call.rule));
}

function rejectLeftRecursion(grammar: Grammar): void {
  const state = new Map<number, "open" | "done">();
  for (const [root] of grammar.rules.entries()) {
    const path = [{ rule: root, isEntered: false }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      if (top.isEntered || state.get(top.rule) === "done") {
        state.set(top.rule, "done");
        path.pop();
        continue;
      }
      top.isEntered = true;
      state.set(top.rule, "open");
      for (const rule of firstCalls(grammar, top.rule)) {
        if (state.get(rule) === "open")
          throw new SlmError(
            "DATA_INVALID",
            "constraint: a rule refers to itself without reading a byte first",
          );
        path.push({ rule, isEntered: false });
      }
    }
  }
}
