/** Turns a grammar over bytes into a constraint on tokens: which tokens of a vocabulary may follow in each state. */
import type { TokenConstraint } from "../rules/token-constraint.js";
import { SlmError } from "@slm/core";
import type { TokenPieces } from "@slm/tokenizer";
import { Automaton, type State } from "./automaton.js";
import type { Grammar } from "./grammar.js";

// A vocabulary sorted by bytes, so that tokens with a common prefix are adjacent.

interface SortedVocabulary {
  readonly ids: Int32Array;
  /** Bytes of each token, in the same order. */
  readonly texts: readonly Uint8Array[];
  /** Length of the prefix that each token shares with the one before it [bytes]. */
  readonly common: Int32Array;
}

const sorted = new WeakMap<TokenPieces, SortedVocabulary>();

/** Cached, because a schema with copied strings builds a constraint for every source. */
function sortedVocabulary(pieces: TokenPieces): SortedVocabulary {
  const known = sorted.get(pieces) ?? sortVocabulary(pieces.bytes);
  sorted.set(pieces, known);
  return known;
}

/** Skips tokens without text. */
function sortVocabulary(bytes: readonly (Uint8Array | undefined)[]): SortedVocabulary {
  const tokens = bytes
    .flatMap((text, id) => (text === undefined || text.length === 0 ? [] : [{ id, text }]))
    .sort((x, y) => Buffer.compare(x.text, y.text));
  return {
    ids: Int32Array.from(tokens, ({ id }) => id),
    texts: tokens.map(({ text }) => text),
    common: Int32Array.from(tokens, ({ text }, at) =>
      at === 0 ? 0 : sharedLength(tokens[at - 1]!.text, text),
    ),
  };
}

function sharedLength(left: Uint8Array, right: Uint8Array): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) length++;
  return length;
}

/**
 * The constraint at the beginning of a text. All states derived from it share one cache of allowed tokens, so reuse one
 * constraint for many texts.
 *
 * @param eos ends a text. It is allowed wherever the grammar may end. Other tokens without text are never allowed.
 */
export function constrainTokens(
  grammar: Grammar,
  pieces: TokenPieces,
  { eos }: { readonly eos: number },
): TokenConstraint {
  const shared = new SharedStates(new Automaton(grammar), sortedVocabulary(pieces), { pieces, eos });
  return new GrammarState(shared, shared.automaton.start, true);
}

/** One bit per token, 32 to a word. */
type TokenSet = Uint32Array;

interface Marks {
  readonly pieces: TokenPieces;
  readonly eos: number;
}

class SharedStates {
  readonly automaton: Automaton;
  readonly eos: number;
  readonly #vocabulary: SortedVocabulary;
  readonly #pieces: TokenPieces;
  readonly #allowed = new WeakMap<State, TokenSet>();

  constructor(automaton: Automaton, vocabulary: SortedVocabulary, { pieces, eos }: Marks) {
    this.automaton = automaton;
    this.eos = eos;
    this.#vocabulary = vocabulary;
    this.#pieces = pieces;
  }

  /** The state after a token's text. @throws SlmError UNEXPECTED for a token that may not follow */
  after(state: State, id: number, isFirst: boolean): State {
    const bytes = this.#pieces.bytes[id];
    const front = isFirst ? state : this.#read(state, this.#pieces.separator);
    const behind = front === undefined || bytes === undefined ? undefined : this.#read(front, bytes);
    if (behind !== undefined) return behind;
    throw new SlmError("UNEXPECTED", `constraint: token ${id} was chosen, but it is not allowed here`);
  }

  /** Whether a token may follow. Cheaper than {@link allowed}, because it checks no other token. */
  allows(state: State, id: number, isFirst: boolean): boolean {
    if (id === this.eos && state.isEnd) return true;
    const bytes = this.#pieces.bytes[id];
    if (bytes === undefined || bytes.length === 0) return false;
    const front = isFirst ? state : this.#read(state, this.#pieces.separator);
    const behind = front && this.#read(front, bytes);
    return behind !== undefined && this.#goesOn(behind);
  }

  /** Tokens that may follow, including EOS. */
  allowed(state: State, isFirst: boolean): TokenSet {
    const front = isFirst ? state : this.#read(state, this.#pieces.separator);
    const texts = front === undefined ? undefined : this.#texts(front);
    if (!state.isEnd && texts !== undefined) return texts;
    const set = texts?.slice() ?? new Uint32Array(Math.ceil(this.#pieces.bytes.length / 32));
    if (state.isEnd) set[this.eos >>> 5]! |= 1 << (this.eos & 31);
    return set;
  }

  /** Tokens whose text the grammar accepts from a state. A prefix shared by several tokens is read once. */
  #texts(front: State): TokenSet {
    const known = this.#allowed.get(front);
    if (known !== undefined) return known;
    const set = new Uint32Array(Math.ceil(this.#pieces.bytes.length / 32));
    const { ids, texts, common } = this.#vocabulary;
    const states: State[] = [front];
    /** Number of bytes of the last token that matched before it failed. */
    let deadAt = Infinity;
    for (const [at, bytes] of texts.entries()) {
      const shared = common[at]!;
      if (shared > deadAt) continue;
      deadAt = Infinity;
      for (let read = shared; read < bytes.length; read++) {
        const next = this.automaton.step(states[read]!, bytes[read]!);
        if (next === undefined) {
          deadAt = read;
          break;
        }
        states[read + 1] = next;
      }
      if (deadAt === Infinity && this.#goesOn(states[bytes.length]!))
        set[ids[at]! >>> 5]! |= 1 << (ids[at]! & 31);
    }
    this.#allowed.set(front, set);
    return set;
  }

  /** Whether a token may end here: another token can follow, or the text may end. */
  #goesOn(state: State): boolean {
    return state.isEnd || this.#read(state, this.#pieces.separator) !== undefined;
  }

  #read(from: State, bytes: Uint8Array): State | undefined {
    let state: State | undefined = from;
    for (const byte of bytes) {
      if (state === undefined) return undefined;
      state = this.automaton.step(state, byte);
    }
    return state;
  }
}

class GrammarState implements TokenConstraint {
  readonly #shared: SharedStates;
  readonly #state: State;
  readonly #isFirst: boolean;

  constructor(shared: SharedStates, state: State, isFirst: boolean) {
    this.#shared = shared;
    this.#state = state;
    this.#isFirst = isFirst;
  }

  allows(id: number): boolean {
    return this.#shared.allows(this.#state, id, this.#isFirst);
  }

  mask(scores: Float32Array): void {
    const set = this.#shared.allowed(this.#state, this.#isFirst);
    let count = 0;
    for (let id = 0; id < scores.length; id++) {
      if ((((set[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1) count++;
      else scores[id] = -Infinity;
    }
    if (count > 0) return;
    throw new SlmError("DATA_INVALID", "constraint: no token of the vocabulary can continue the text", {
      suggestions: ["use a byte-level vocabulary", "allow only values that the vocabulary can spell"],
    });
  }

  after(id: number): TokenConstraint {
    return new GrammarState(this.#shared, this.#shared.after(this.#state, id, this.#isFirst), false);
  }
}
