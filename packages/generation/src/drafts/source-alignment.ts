/**
 * Follows an answer through its source: the position of the source that each token of the answer is aligned with.
 *
 * ```
 * source     t  h  o  u  g  h  t        answer     TH  AO  T
 * position   0  1  2  3  4  5  6        aligned     1   2  6
 * ```
 *
 * A token goes from position p to the p + d where P(d) · P(token | source[p + d]) is greatest, or stays at p as one that stands for nothing in the source. Both
 * probabilities are in a model's table of draft rules, which has none for a task whose answers do not follow their sources.
 *
 * Sources: Vogel et al. 1996, "HMM-based word alignment in statistical translation"; Jiampojamarn et al. 2007, "Applying many-to-many alignments and
 * hidden Markov models to letter-to-phoneme conversion". Taking the best position at each token in place of the best path is ours: it needs no memory.
 */
import { BEGIN, CHANCE_PARTS, COPIED, mixed, partsOf, type DraftRules } from "./rule-table.js";

/** Most positions from one aligned token to the next. */
export const MOST_MOVES = 4;

/** Stands for what a token of no position is aligned with. No token has this id. */
export const NOWHERE = -4;
/** Stands behind the last token of a source. No token has this id. */
const BEHIND = -3;

/** Parts of a probability that is not in the table. */
const UNSEEN = CHANCE_PARTS / 1000;

const [MOVE_SEED, PAIR_SEED] = [7, 8];

/** Key of the probability that the next aligned token is so many positions on; of {@link NOWHERE}: that a token has no position. */
export const moveKey = (move: number): number => mixed(MOVE_SEED, move);

/** Key of the probability of a token of an answer, given the token of the source it is aligned with; of {@link COPIED} twice: of being the same. */
export const pairKey = (source: number, target: number): number => mixed(mixed(PAIR_SEED, source), target);

/** What of an alignment a rule reads: tokens of the source around the aligned one, and the last ones of the answer. */
interface AlignedContext {
  /** Up to the aligned token, which is the last of them. */
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

/** The alignment of one source with an answer, as far as the answer goes. */
export class SourceAlignment {
  readonly #rules: DraftRules;
  readonly #source: readonly number[];
  /** Parts of the probability of each move, from 0 on. */
  readonly #moves: readonly number[];
  readonly #nowhere: number;
  readonly #same: number;
  /** Tokens that were followed, and the position behind each. */
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

  /** Undefined for a table of rules that knows no alignment. */
  static of(rules: DraftRules, source: readonly number[]): SourceAlignment | undefined {
    return rules.kinds.includes("alignment") ? new SourceAlignment(rules, source) : undefined;
  }

  /** Position of the token of the source that the end of an answer is aligned with; -1 before the first. */
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

/** Hash of a context at a position of a source, behind an answer. */
export function alignedKey(seed: number, context: number, { source, position, answer }: Aligned): number {
  const { upTo, behind, last } = ALIGNED_CONTEXTS[context]!;
  let key = mixed(seed, context);
  for (let at = position - upTo + 1; at <= position + behind; at++)
    key = mixed(key, at < 0 ? BEGIN : (source[at] ?? BEHIND));
  for (let at = answer.length - last; at < answer.length; at++)
    key = mixed(key, at < 0 ? BEGIN : answer[at]!);
  return key;
}

/** An answer that is aligned up to a position of its source. */
export interface Aligned {
  readonly source: readonly number[];
  readonly position: number;
  readonly answer: readonly number[];
}
