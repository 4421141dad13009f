/**
 * Learns byte-pair encoding (BPE): the most frequent pair of neighbouring tokens becomes a token, repeatedly.
 *
 * Pair counts are updated incrementally, so a merge costs only the pieces that contain the pair.
 * Source: Sennrich, Haddow, Birch 2016 (arXiv:1508.07909); ties and ids as in Hugging Face `tokenizers`, so that the
 * result does not depend on the order of the pieces.
 */
import { BYTE_ALPHABET, BYTE_CHARACTERS } from "../text/byte-symbols.js";

// A priority queue of candidate merges: the most frequent pair first; ties: the pair with the lowest ids.

interface Merge {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** A binary heap. If a count has changed since, the caller pushes the pair again with its new count. */
class MergeQueue {
  readonly #heap: Merge[] = [];

  push(merge: Merge): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(merge, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = merge;
  }

  pop(): Merge | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Merge, other: Merge): boolean {
  if (one.count !== other.count) return one.count > other.count;
  return one.left === other.left ? one.right < other.right : one.left < other.left;
}

export interface MergeRequest {
  /** Count of each piece of text. */
  readonly pieces: ReadonlyMap<string, number>;
  /** Tokens with ids below the bytes, which are never merged. */
  readonly reserved: readonly string[];
  /** Most tokens, including the reserved ones and the 256 bytes. */
  readonly vocabularySize: number;
  /** Smallest count of a pair to merge. */
  readonly minCount: number;
}

export interface LearntMerges {
  /** Tokens in id order, in byte-level characters. */
  readonly tokens: readonly string[];
  /** Pairs in merge order. */
  readonly merges: readonly (readonly [left: string, right: string])[];
}

/** One piece as token ids. */
interface Word {
  readonly count: number;
  ids: number[];
}

/** Maps use `left * PAIR_BASE + right` as the key of a pair of ids; it is exact in a double. */
const PAIR_BASE = 2 ** 26;

/** The tokens and merges of a set of pieces. Fewer than requested if no pair is frequent enough. */
export function learnMerges({ pieces, reserved, vocabularySize, minCount }: MergeRequest): LearntMerges {
  const tokens = [...reserved, ...BYTE_ALPHABET];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const merges: (readonly [string, string])[] = [];
  const pairs = new PairTable(wordsOf(pieces, idOf));
  while (tokens.length < vocabularySize) {
    const best = pairs.mostFrequent(minCount);
    if (best === undefined) break;
    const [left, right] = [tokens[best.left]!, tokens[best.right]!];
    const token = left + right;
    let id = idOf.get(token);
    // Two merges may produce the same bytes; both then use the same token.
    if (id === undefined) {
      id = tokens.length;
      tokens.push(token);
      idOf.set(token, id);
    }
    merges.push([left, right]);
    pairs.merge(best.left, best.right, id);
  }
  return { tokens, merges };
}

function wordsOf(pieces: ReadonlyMap<string, number>, idOf: ReadonlyMap<string, number>): readonly Word[] {
  const byteIds = BYTE_CHARACTERS.map((character) => idOf.get(character)!);
  return Array.from(pieces, ([piece, count]) => ({
    count,
    ids: Array.from(Buffer.from(piece, "utf8"), (byte) => byteIds[byte]!),
  }));
}

/** Counts of all neighbouring pairs of ids, and the words that contain them. */
class PairTable {
  readonly #words: readonly Word[];
  readonly #counts = new Map<number, number>();
  /** Words that contain a pair or once did. Lists, because sets use five times the memory. */
  readonly #places = new Map<number, number[]>();
  readonly #queue = new MergeQueue();

  constructor(words: readonly Word[]) {
    this.#words = words;
    for (const [index, { ids, count }] of words.entries()) {
      for (let at = 1; at < ids.length; at++) this.#add(ids[at - 1]!, ids[at]!, count, index);
    }
    for (const key of this.#counts.keys()) this.#enqueue(key);
  }

  /** Removes and returns the most frequent pair; undefined if none occurs `minCount` times. */
  mostFrequent(minCount: number): { readonly left: number; readonly right: number } | undefined {
    for (;;) {
      const top = this.#queue.pop();
      if (top === undefined) return undefined;
      const key = top.left * PAIR_BASE + top.right;
      const count = this.#counts.get(key) ?? 0;
      if (count === top.count) return count < minCount ? undefined : top;
      if (count > 0) this.#queue.push({ ...top, count });
    }
  }

  /** Replaces the pair by one id wherever it occurs. */
  merge(left: number, right: number, id: number): void {
    const key = left * PAIR_BASE + right;
    const places = this.#places.get(key) ?? [];
    this.#places.delete(key);
    const risen = new Set<number>();
    for (const index of places) this.#mergeWord(index, [left, right, id], risen);
    this.#counts.delete(key);
    for (const pair of risen) this.#enqueue(pair);
  }

  #mergeWord(index: number, [left, right, id]: readonly [number, number, number], risen: Set<number>): void {
    const word = this.#words[index]!;
    const { ids, count } = word;
    const merged: number[] = [];
    for (let at = 0; at < ids.length; at++) {
      const here = ids[at]!;
      if (here !== left || ids[at + 1] !== right) {
        merged.push(here);
        continue;
      }
      const before = merged.at(-1);
      if (before !== undefined) {
        this.#remove(before, left, count);
        risen.add(this.#add(before, id, count, index));
      }
      const after = ids[at + 2];
      if (after !== undefined) {
        this.#remove(right, after, count);
        risen.add(this.#add(id, after, count, index));
      }
      merged.push(id);
      at++;
    }
    word.ids = merged;
  }

  #add(left: number, right: number, count: number, word: number): number {
    const key = left * PAIR_BASE + right;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [word]);
    else if (places.at(-1) !== word) places.push(word);
    return key;
  }

  #remove(left: number, right: number, count: number): void {
    const key = left * PAIR_BASE + right;
    const rest = (this.#counts.get(key) ?? 0) - count;
    if (rest > 0) this.#counts.set(key, rest);
    else this.#counts.delete(key);
  }

  #enqueue(key: number): void {
    const count = this.#counts.get(key);
    if (count === undefined) return;
    this.#queue.push({ left: Math.floor(key / PAIR_BASE), right: key % PAIR_BASE, count });
  }
}
