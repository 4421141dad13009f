/**
 * Learns from pairs how answers follow their sources. The model is a hidden Markov model whose states are the positions of a source, trained by
 * expectation maximization. Its probabilities are stored in the table of draft rules, and the host uses them to align an answer while it is generated.
 *
 * Source: Vogel et al. 1996, "HMM-based word alignment in statistical translation", with forward moves only and a state for tokens without a position.
 */
import { COPIED, type DraftRule } from "../rule-table.js";
import { MOST_MOVES, moveKey, NOWHERE, pairKey } from "../source-alignment.js";

/** A source and its answer as token ids, without special tokens. */
export interface TokenPair {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Maximum number of answer tokens that the alignment is learnt from, in evenly spaced pairs. More tokens do not change the result. */
const ALIGNED_TOKENS = 60_000;
/** Longer sources are skipped [tokens]. */
const LONGEST_SOURCE = 256;
/** Maximum number of iterations. Training stops earlier once an iteration gains less than {@link LEAST_GAIN} [nats per token]. */
const ITERATIONS = 10;
const LEAST_GAIN = 0.005;

/** In the first iteration, a token may be aligned with source tokens up to this far from its own relative position. */
const FIRST_BAND = 0.35;
/** In the first iteration, a token without a position is this many times as probable as one with a position. */
const FIRST_NOWHERE = 0.05;
/** Probability of a pair that never occurred. */
const UNSEEN = 1e-9;
/** Less probable pairs and moves are omitted, because the table would store them as 0. */
const LEAST_PROBABILITY = 1 / 500;
/** Pairs with a lower expected count are omitted. */
const LEAST_TIMES = 2;
/** Lower expectations are not counted. */
const LEAST_EXPECTATION = 1e-6;

/** Evenly spaced pairs whose answers have at most about this many tokens in total. */
export function spreadPairs<Pair extends Pick<TokenPair, "target">>(
  pairs: readonly Pair[],
  mostTokens: number,
): readonly Pair[] {
  const tokens = pairs.reduce((sum, { target }) => sum + target.length + 1, 0);
  if (tokens <= mostTokens) return pairs;
  const count = Math.floor((pairs.length * mostTokens) / tokens);
  return Array.from({ length: count }, (_, at) => pairs[Math.floor((at * pairs.length) / count)]!);
}

/** The alignment entries of a table of draft rules. Empty if there are no pairs. */
export function learnAlignment(pairs: readonly TokenPair[]): readonly DraftRule[] {
  const usable = pairs.filter(
    ({ source, target }) => source.length > 0 && source.length <= LONGEST_SOURCE && target.length > 0,
  );
  const some = spreadPairs(usable, ALIGNED_TOKENS);
  if (some.length === 0) return [];
  let model = firstModel(some);
  for (let iteration = 0, before = -Infinity; iteration < ITERATIONS; iteration++) {
    const { next, logLikelihood } = iterated(model, some);
    model = next;
    if (logLikelihood - before < LEAST_GAIN) break;
    before = logLikelihood;
  }
  return entriesOf(model);
}

/** Probabilities of the model. */
interface AlignmentModel {
  /** Of a move by each number of positions, from 0. */
  readonly moves: Float64Array;
  /** Of a token without a position. */
  nowhere: number;
  /** Of each answer token, by source token or {@link NOWHERE}. */
  readonly pairs: ReadonlyMap<number, PairProbabilities>;
  /** Of being the same as the source token, over all tokens with a position. */
  same: number;
}

interface PairProbabilities {
  readonly of: ReadonlyMap<number, number>;
  /** Expected number of tokens that the probabilities were estimated from. */
  readonly tokens: number;
}

/** Expected counts: sums that have not been normalized to probabilities. */
class PairCounts {
  readonly #byWord = new Map<number, Map<number, number>>();

  add(word: number, token: number, count: number): void {
    let counts = this.#byWord.get(word);
    if (counts === undefined) this.#byWord.set(word, (counts = new Map<number, number>()));
    counts.set(token, (counts.get(token) ?? 0) + count);
  }

  /** Divides the counts of each word by their sum. */
  probabilities(): ReadonlyMap<number, PairProbabilities> {
    const all = new Map<number, PairProbabilities>();
    for (const [word, counts] of this.#byWord) {
      let tokens = 0;
      for (const count of counts.values()) tokens += count;
      for (const [token, count] of counts) counts.set(token, count / tokens);
      all.set(word, { of: counts, tokens });
    }
    return all;
  }
}

function firstModel(pairs: readonly TokenPair[]): AlignmentModel {
  const counts = new PairCounts();
  for (const { source, target } of pairs)
    for (const [at, token] of target.entries()) {
      counts.add(NOWHERE, token, FIRST_NOWHERE);
      for (const [position, word] of source.entries())
        if (Math.abs(position / source.length - at / target.length) <= FIRST_BAND) counts.add(word, token, 1);
    }
  const even = 1 / (MOST_MOVES + 2);
  return {
    moves: new Float64Array(MOST_MOVES + 1).fill(even),
    nowhere: even,
    pairs: counts.probabilities(),
    same: 0,
  };
}

/** One iteration of expectation maximization. Returns the log-likelihood of the previous model [nats per token]. */
function iterated(
  model: AlignmentModel,
  pairs: readonly TokenPair[],
): { readonly next: AlignmentModel; readonly logLikelihood: number } {
  const expected = { moves: new Float64Array(MOST_MOVES + 1), nowhere: 0, same: 0, pairs: new PairCounts() };
  let [logLikelihood, tokens] = [0, 0];
  for (const pair of pairs) {
    logLikelihood += expect(model, pair, expected);
    tokens += pair.target.length;
  }
  const placed = expected.moves.reduce((sum, count) => sum + count, 0);
  const all = placed + expected.nowhere;
  const next = {
    moves: expected.moves.map((count) => count / all),
    nowhere: expected.nowhere / all,
    pairs: expected.pairs.probabilities(),
    same: expected.same / placed,
  };
  return { next, logLikelihood: logLikelihood / tokens };
}

interface Expected {
  readonly moves: Float64Array;
  nowhere: number;
  same: number;
  readonly pairs: PairCounts;
}

/**
 * Adds the expected counts of one pair, computed by the forward-backward algorithm. State 0 is before the source; state p + 1 is its position p.
 *
 * @returns the pair's log-likelihood [nats]
 */
function expect({ moves, nowhere, pairs }: AlignmentModel, pair: TokenPair, expected: Expected): number {
  const { source, target } = pair;
  const states = source.length + 1;
  // Probability of each answer token in each state, and of having no position.
  const words = source.map((word) => pairs.get(word));
  const placed = Float64Array.from({ length: target.length * states }, (_, at) => {
    const state = at % states;
    return state === 0 ? 0 : (words[state - 1]?.of.get(target[Math.floor(at / states)]!) ?? UNSEEN);
  });
  const free = target.map((token) => nowhere * (pairs.get(NOWHERE)?.of.get(token) ?? UNSEEN));

  const forward = new Float64Array((target.length + 1) * states);
  const scales = new Float64Array(target.length);
  forward[0] = 1;
  for (let at = 0; at < target.length; at++) {
    const [from, to] = [at * states, (at + 1) * states];
    for (let state = 0; state < states; state++) {
      let arriving = 0;
      for (let move = 0; move <= MOST_MOVES && move <= state; move++)
        arriving += forward[from + state - move]! * moves[move]!;
      const value = forward[from + state]! * free[at]! + arriving * placed[from + state]!;
      forward[to + state] = value;
      scales[at]! += value;
    }
    if (scales[at] === 0) return 0;
    for (let state = 0; state < states; state++) forward[to + state]! /= scales[at]!;
  }

  let after = new Float64Array(states).fill(1);
  let logLikelihood = 0;
  for (let at = target.length - 1; at >= 0; at--) {
    const from = at * states;
    const token = target[at]!;
    const before = new Float64Array(states);
    for (let state = 0; state < states; state++) {
      const here = forward[from + state]!;
      const stays = (free[at]! * after[state]!) / scales[at]!;
      before[state] = stays;
      if (here * stays > LEAST_EXPECTATION) {
        expected.nowhere += here * stays;
        expected.pairs.add(NOWHERE, token, here * stays);
      }
      for (let move = 0; move <= MOST_MOVES && state + move < states; move++) {
        const next = state + move;
        const goes = (moves[move]! * placed[from + next]! * after[next]!) / scales[at]!;
        before[state]! += goes;
        const count = here * goes;
        if (count <= LEAST_EXPECTATION) continue;
        const word = source[next - 1]!;
        expected.moves[move]! += count;
        expected.pairs.add(word, token, count);
        if (word === token) expected.same += count;
      }
    }
    after = before;
    logLikelihood += Math.log(scales[at]!);
  }
  return logLikelihood;
}

/** The probabilities of a model that are high enough for the table. */
function entriesOf({ moves, nowhere, pairs, same }: AlignmentModel): readonly DraftRule[] {
  const entries: DraftRule[] = [];
  const add = (key: number, chance: number): void => {
    if (chance >= LEAST_PROBABILITY) entries.push({ kind: "alignment", key, token: COPIED, chance });
  };
  for (const [move, chance] of moves.entries()) add(moveKey(move), chance);
  add(moveKey(NOWHERE), nowhere);
  add(pairKey(COPIED, COPIED), same);
  for (const [word, { of, tokens }] of pairs)
    for (const [token, chance] of of) {
      const isSame = word === token && chance < 2 * same;
      if (!isSame && chance * tokens >= LEAST_TIMES) add(pairKey(word, token), chance);
    }
  return entries;
}
