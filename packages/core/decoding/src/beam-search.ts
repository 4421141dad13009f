/** Beam search: several beginnings per group advance together, the likeliest survive. */
import { logSumExp, topIds } from "./logits.js";
import { type DecodeOptions, type Decoded, type Strategy, checkInterrupted, stepRows } from "./options.js";
import type { StepDecoder } from "./step-decoder.js";

type BeamStrategy = Extract<Strategy, { kind: "beam" }>;

/** A beginning, as a list read from its end. */
interface Beam {
  readonly last: Link | undefined;
  readonly logProbability: number;
}

interface Link {
  readonly token: number;
  readonly before: Link | undefined;
}

interface Candidate {
  /** Number of the beam in its group that this continues. */
  readonly beam: number;
  readonly token: number;
  readonly logProbability: number;
}

interface Hypothesis extends Beam {
  readonly score: number;
  readonly finished: boolean;
}

/** One source: its live beams (at most `beams`) and the best complete hypotheses found so far, both best first. */
interface Group {
  live: readonly Beam[];
  complete: readonly Hypothesis[];
  settled: boolean;
}

/**
 * The best hypothesis of each group of `beams` rows, by log-probability / length^lengthPenalty; length counts `eos`.
 *
 * A step looks at the 2 * beams likeliest continuations of a group (of equals: lower beam, then lower id). Those that
 * end and rank among the first `beams` are complete; the first `beams` of the others live on.
 * A group stops when
 * - no live beam can still win: its sum only falls, so it scores at most sum / maxTokens^lengthPenalty (or
 *   sum / next length, where the penalty is negative); or
 * - `beams` hypotheses are complete and the best live beam, scored at its present length, does not beat the worst of
 *   them (the usual rule, which for a positive penalty may miss a better long hypothesis but ends early); or
 * - `maxTokens` is reached: then live beams compete as they are.
 *
 * Source: Wu et al. 2016 (arXiv:1609.08144) section 7, with plain length^penalty for the normalization.
 */
export async function decodeBeams(
  decoder: StepDecoder,
  options: DecodeOptions,
  strategy: BeamStrategy,
): Promise<Decoded[]> {
  const { beams } = strategy;
  const { bos, pad, maxTokens, onToken, signal } = options;
  const groups = Array.from({ length: decoder.rows / beams }, () => newGroup());
  const feed = new Int32Array(decoder.rows).fill(bos);

  for (let length = 1; length <= maxTokens && groups.some(({ settled }) => !settled); length++) {
    checkInterrupted(signal);
    const logitsOf = await stepRows(decoder, feed);
    feed.fill(pad);
    const parents = Array.from(feed, (_, row) => row);
    groups.forEach((group, at) => {
      if (group.settled) return;
      const firstRow = at * beams;
      const candidates = continuations(group.live, 2 * beams, (beam) => logitsOf(firstRow + beam));
      const survivors = advance(group, candidates, length, options, strategy);
      survivors.forEach(({ beam, token }, slot) => {
        parents[firstRow + slot] = firstRow + beam;
        feed[firstRow + slot] = token;
      });
    });
    const mustMove = parents.some((parent, row) => parent !== row);
    if (mustMove && length < maxTokens && groups.some(({ settled }) => !settled))
      await decoder.permuteRows(parents);
  }

  return groups.map(({ complete }, row) => {
    const { last, logProbability, finished } = complete[0]!;
    const tokens = tokensOf(last);
    for (const token of tokens) onToken?.(row, token);
    return { tokens, logProbability, finished };
  });
}

/** All rows of a group begin alike, so only the first is a beam. */
function newGroup(): Group {
  return { live: [{ last: undefined, logProbability: 0 }], complete: [], settled: false };
}

/** The likeliest `count` continuations of a group's live beams, likeliest first. */
function continuations(
  live: readonly Beam[],
  count: number,
  logitsOf: (beam: number) => Float32Array,
): readonly Candidate[] {
  const candidates = live.flatMap(({ logProbability }, beam): Candidate[] => {
    const logits = logitsOf(beam);
    const base = logProbability - logSumExp(logits);
    return topIds(logits, count).map((token) => ({ beam, token, logProbability: base + logits[token]! }));
  });
  // The sort is stable: beams, and in them ids, are in order already.
  return candidates
    .filter(({ logProbability }) => logProbability > -Infinity)
    .sort((x, y) => y.logProbability - x.logProbability)
    .slice(0, count);
}

/** Takes a step's candidates into the group; returns those that live on, in the order of the new beams. */
function advance(
  group: Group,
  candidates: readonly Candidate[],
  length: number,
  { eos, maxTokens }: DecodeOptions,
  { beams, lengthPenalty }: BeamStrategy,
): readonly Candidate[] {
  const complete = (beam: Beam, finished: boolean): Hypothesis => ({
    ...beam,
    score: beam.logProbability / length ** lengthPenalty,
    finished,
  });
  const ended = candidates
    .slice(0, beams)
    .filter(({ token }) => token === eos)
    .map(({ beam, logProbability }) => complete({ last: group.live[beam]!.last, logProbability }, true));
  const survivors = candidates.filter(({ token }) => token !== eos).slice(0, beams);
  const live = survivors.map(({ beam, token, logProbability }): Beam => {
    return { last: { token, before: group.live[beam]!.last }, logProbability };
  });
  const unfinished = length === maxTokens ? live.map((beam) => complete(beam, false)) : [];
  group.complete = [...group.complete, ...ended, ...unfinished]
    .sort((x, y) => y.score - x.score)
    .slice(0, beams);
  group.live = live;
  group.settled = isSettled(group, { length, maxTokens, beams, lengthPenalty });
  return survivors;
}

interface Progress {
  readonly length: number;
  readonly maxTokens: number;
  readonly beams: number;
  readonly lengthPenalty: number;
}

function isSettled(
  { live, complete }: Group,
  { length, maxTokens, beams, lengthPenalty }: Progress,
): boolean {
  const best = complete[0];
  const hope = live[0]?.logProbability;
  if (hope === undefined) return true;
  if (best === undefined) return false;
  const kindestLength = lengthPenalty > 0 ? maxTokens : length + 1;
  if (best.score >= hope / kindestLength ** lengthPenalty) return true;
  return complete.length === beams && complete.at(-1)!.score >= hope / length ** lengthPenalty;
}

function tokensOf(last: Link | undefined): number[] {
  const tokens: number[] = [];
  for (let link = last; link !== undefined; link = link.before) tokens.push(link.token);
  return tokens.reverse();
}
