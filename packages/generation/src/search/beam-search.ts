/** Beam search: several hypotheses per group advance together, and the most probable ones survive. */
import { continuations, scoredSteps, tokensOf, type Beam, type Candidate } from "./beam-candidates.js";
import {
  type DecodeOptions,
  type Decoded,
  type EndReason,
  type Strategy,
  checkInterrupted,
  isLate,
  startOf,
} from "./options.js";
import type { StepDecoder } from "./step-decoder.js";
import type { TokenConstraint } from "../rules/token-constraint.js";
import { isEnd } from "../rules/token-rules.js";

type BeamStrategy = Extract<Strategy, { kind: "beam" }>;

interface Hypothesis extends Beam {
  readonly score: number;
  readonly reason: EndReason;
  readonly end: number | undefined;
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
 * A step considers the (1 + number of end tokens) * beams most probable continuations of a group (ties: lower beam, then lower id). Continuations
 * that end and rank among the first `beams` are complete. The first `beams` of the others stay live. A group stops when
 * - no live beam can still win. Its sum only falls (unless a bias or a penalty adds to it), so it scores at most
 *   sum / maxTokens^lengthPenalty, or sum / next length for a negative penalty; or
 * - `beams` hypotheses are complete and the best live beam, scored at its present length, does not beat the worst of
 *   them (the usual rule; with a positive penalty it may miss a better long hypothesis, but it ends early). The strategy's
 *   `earlyStopping` can change this: true ignores the live beam, "never" scores it at its best length; or
 * - `maxTokens` or the deadline is reached: then live beams compete at their present length.
 *
 * A beam that `stopsAfter` ends counts as complete. Only the first `beams` are checked, because they stay live.
 * Bias and penalties change the ranking score. A constraint removes ids without renormalization.
 *
 * Source: Wu et al. 2016 (arXiv:1609.08144) section 7, with plain length^penalty for the normalization; the results are those of
 * transformers 4.57 (`_beam_search`).
 */
export async function decodeBeams(
  decoder: StepDecoder,
  options: DecodeOptions,
  strategy: BeamStrategy,
): Promise<Decoded[]> {
  const { beams } = strategy;
  const { pad, maxTokens, onToken, signal, constraint } = options;
  const groups = Array.from({ length: decoder.rows / beams }, (_, group) => newGroup(constraint?.(group)));
  const feed = Int32Array.from({ length: decoder.rows }, (_, row) =>
    startOf(options, Math.floor(row / beams)),
  );
  // Enough for `beams` live continuations, even if every beam can end with every end token.
  const considered = (2 + (options.rules?.furtherEnds?.length ?? 0)) * beams;
  const step = scoredSteps(decoder, options, { groups: groups.length, count: considered });

  let isLast = false;
  for (let length = 1; !isLast && groups.some(({ settled }) => !settled); length++) {
    checkInterrupted(signal);
    const scored = await step(feed);
    const late = isLate(options);
    isLast = late || length === maxTokens;
    const last = late ? "time" : isLast ? "length" : undefined;
    feed.fill(pad);
    const parents = Array.from(feed, (_, row) => row);
    groups.forEach((group, at) => {
      if (group.settled) return;
      const firstRow = at * beams;
      const candidates = continuations(group.live, considered, (beam, state) =>
        scored({ group: at, row: firstRow + beam, state }),
      );
      const survivors = advance(group, candidates, { at, length, last, options, strategy });
      survivors.forEach(({ beam, token }, slot) => {
        parents[firstRow + slot] = firstRow + beam;
        feed[firstRow + slot] = token;
      });
    });
    const mustMove = parents.some((parent, row) => parent !== row);
    if (mustMove && !isLast && groups.some(({ settled }) => !settled)) await decoder.permuteRows(parents);
  }

  return groups.map(({ complete }, row) => {
    const { last, logProbability, reason, end } = complete[0]!;
    const tokens = tokensOf(last);
    for (const token of tokens) onToken?.(row, token);
    return { tokens, logProbability, finished: reason === "eos", end, reason };
  });
}

/** All rows of a group start identical, so a group starts with one beam. */
function newGroup(constraint: TokenConstraint | undefined): Group {
  return {
    live: [{ last: undefined, logProbability: 0, total: 0, constraint }],
    complete: [],
    settled: false,
  };
}

interface Moment {
  /** Index of the group. */
  readonly at: number;
  readonly length: number;
  /** Why this step is the last one; undefined if it is not. */
  readonly last: EndReason | undefined;
  readonly options: DecodeOptions;
  readonly strategy: BeamStrategy;
}

/** Adds the candidates of a step to the group. Returns those that stay live, in the order of the new beams. */
function advance(
  group: Group,
  candidates: readonly Candidate[],
  { at, length, last, options, strategy }: Moment,
): readonly Candidate[] {
  const { beams, lengthPenalty, earlyStopping } = strategy;
  const { maxTokens, stopsAfter } = options;
  const complete = (beam: Beam, reason: EndReason, end?: number): Hypothesis => ({
    ...beam,
    score: beam.total / length ** lengthPenalty,
    reason,
    end,
  });
  const ended = candidates
    .slice(0, beams)
    .filter(({ token }) => isEnd(options, token))
    .map(({ beam, token, logProbability, total }) =>
      complete({ ...group.live[beam]!, logProbability, total }, "eos", token),
    );
  const going = candidates
    .filter(({ token }) => !isEnd(options, token))
    .slice(0, beams)
    .map((candidate) => ({ candidate, beam: continued(group.live[candidate.beam]!, candidate) }));
  const isStopped = ({ beam }: { readonly beam: Beam }): boolean =>
    stopsAfter?.(at, tokensOf(beam.last)) === true;
  const stopped = stopsAfter === undefined ? [] : going.filter(isStopped);
  const survivors = stopped.length === 0 ? going : going.filter((one) => !stopped.includes(one));
  const live = survivors.map(({ beam }) => beam);
  group.complete = [
    ...group.complete,
    ...ended,
    ...stopped.map(({ beam }) => complete(beam, "stop")),
    ...(last === undefined ? [] : live.map((beam) => complete(beam, last))),
  ]
    .sort((x, y) => y.score - x.score)
    .slice(0, beams);
  group.live = live;
  group.settled = isSettled(group, { length, maxTokens, beams, lengthPenalty, earlyStopping });
  return survivors.map(({ candidate }) => candidate);
}

function continued({ last, constraint }: Beam, { token, logProbability, total }: Candidate): Beam {
  return {
    last: { token, before: last },
    logProbability,
    total,
    constraint: constraint?.after(token),
  };
}

interface Progress {
  readonly length: number;
  readonly maxTokens: number;
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: BeamStrategy["earlyStopping"];
}

function isSettled(
  { live, complete }: Group,
  { length, maxTokens, beams, lengthPenalty, earlyStopping = false }: Progress,
): boolean {
  const best = complete[0];
  const hope = live[0]?.total;
  if (hope === undefined) return true;
  if (best === undefined) return false;
  const kindestLength = lengthPenalty > 0 ? maxTokens : length + 1;
  if (best.score >= hope / kindestLength ** lengthPenalty) return true;
  if (complete.length < beams) return false;
  const scoredLength = earlyStopping === "never" && lengthPenalty > 0 ? maxTokens : length;
  return earlyStopping === true || complete.at(-1)!.score >= hope / scoredLength ** lengthPenalty;
}
