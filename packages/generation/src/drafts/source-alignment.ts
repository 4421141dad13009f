/**
 * Aligns each token of an answer with a position of its source, while the answer is generated.
 *
 * ```
 * source     t  h  o  u  g  h  t        answer     TH  AO  T
 * position   0  1  2  3  4  5  6        aligned     1   2  6
 * ```
 *
 * A token moves from position p to the position p + d with the greatest P(d) · P(token | source[p + d]), or stays at p if it corresponds to nothing
 * in the source. Both probabilities come from a model's table of draft rules, which has none if the answers of a task do not follow their sources.
 *
 * Sources: Vogel et al. 1996, "HMM-based word alignment in statistical translation"; Jiampojamarn et al. 2007, "Applying many-to-many alignments and
 * hidden Markov models to letter-to-phoneme conversion". Choosing the best position at each token, instead of the best path, is our own: it needs no
 * memory.
 */
import { BEGIN, CHANCE_PARTS, COPIED, mixed, partsOf, type DraftRules } from "./rule-table.js";

/** Maximum number of positions between two aligned tokens. */
export const MOST_MOVES = 4;

/** Stands for the position of a token that is aligned with no source token. No token has this id. */
export const NOWHERE = -4;
/** Stands for the position after the last token of a source. No token has this id. */
const BEHIND = -3;

/** Probability of entries that are not in the table, in units of 1 / {@link CHANCE_PARTS}. */
const UNSEEN = CHANCE_PARTS / 1000;

const [MOVE_SEED, PAIR_SEED] = [7, 8];

/** Key of the probability that the next aligned token is this many positions further; for {@link NOWHERE}, that a token has no position. */
export const moveKey = (move: number): number => mixed(MOVE_SEED, move);

/** Key of the probability of an answer token, given the source token it is aligned with; for {@link COPIED} twice, of being the same token. */
export const pairKey = (source: number, target: number): number => mixed(mixed(PAIR_SEED, source), target);

/** The tokens that a rule reads: source tokens around the aligned one, and the last tokens of the answer. */
interface AlignedContext {
  /** Number of source tokens up to the aligned one, which is included. */
  readonly upTo: number;
  readonly behind: number;
  readonly last: number;
}

/** Contexts of rules of kind `aligned`, from narrow to wide. */
export const ALIGNED_CONTEXTS: readonly AlignedContext[] = [
  { upTo: 1, behind: 1, last: 1 },
  { upTo: 1, behind: 2, last: 1 },
  { upTo: 2, behind: 2, last: 1 },
  { upTo: 1, behind: 3, last: 1 },
  { upTo: 2, behind: 3, last: 1 },
  { upTo: 1, behind: 4, last: 1 },
  { upTo: 2, behind: 4, last: 1 },
  { upTo: 3, behind: 4, last: 2 },
];

/** The alignment of a source with the answer so far. */
export class SourceAlignment {
  readonly #rules: DraftRules;
  readonly #source: readonly number[];
  /** Probability of each move from 0, in units of 1 / {@link CHANCE_PARTS}. */
  readonly #moves: readonly number[];
  readonly #nowhere: number;
  readonly #same: number;
  /** The tokens aligned so far, and the position after each. */
  readonly #answer: number[] = [];
  readonly #positions: number[] = [];

  private constructor(rules: DraftRules, source: readonly number[]) {
    this.#rules = rules;
    this.#source = source;
    this.#moves = Array.from(
      { length: MOST_MOVES + 1 },
      (_, move) => partsOf(rules, moveKey(move)) || UNSEEN,
    );
    this.#nowhere = partsOf(rules, moveKey(NOWHERE)) || UNSEEN;
    this.#same = partsOf(rules, pairKey(COPIED, COPIED));
  }

  /** Undefined if the table of rules has no alignment. */
  static of(rules: DraftRules, source: readonly number[]): SourceAlignment | undefined {
    return rules.kinds.includes("alignment") ? new SourceAlignment(rules, source) : undefined;
  }

  /** Position of the source token that the end of an answer is aligned with; -1 before the first. */
  positionAfter(answer: readonly number[]): number {
    const followed = this.#answer;
    let known = 0;
    while (known < followed.length && known < answer.length && followed[known] === answer[known]) known++;
    followed.length = known;
    this.#positions.length = known;
    let position = this.#positions[known - 1] ?? -1;
    for (let at = known; at < answer.length; at++) {
      position = this.#next(position, answer[at]!);
      followed.push(answer[at]!);
      this.#positions.push(position);
    }
    return position;
  }

  #next(position: number, token: number): number {
    let best = this.#nowhere * (partsOf(this.#rules, pairKey(NOWHERE, token)) || UNSEEN);
    let next = position;
    for (let move = position === -1 ? 1 : 0; move <= MOST_MOVES; move++) {
      const word = this.#source[position + move];
      if (word === undefined) break;
      const seen = partsOf(this.#rules, pairKey(word, token)) || UNSEEN;
      const score = this.#moves[move]! * (word === token ? Math.max(seen, this.#same) : seen);
      if (score <= best) continue;
      best = score;
      next = position + move;
    }
    return next;
  }
}

/** Hash of a context: a source position and the last tokens of an answer. */
export function alignedKey(seed: number, context: number, { source, position, answer }: Aligned): number {
  const { upTo, behind, last } = ALIGNED_CONTEXTS[context]!;
  let key = mixed(seed, context);
  for (let at = position - upTo + 1; at <= position + behind; at++)
    key = mixed(key, at < 0 ? BEGIN : (source[at] ?? BEHIND));
  for (let at = answer.length - last; at < answer.length; at++)
    key = mixed(key, at < 0 ? BEGIN : answer[at]!);
  return key;
}

/** An answer, aligned up to a position of its source. */
export interface Aligned {
  readonly source: readonly number[];
  readonly position: number;
  readonly answer: readonly number[];
}
