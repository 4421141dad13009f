/** The most probable continuations of live beams, from logits or from the candidates that a decoder returns. */
import { logSumExp, notFinite, topIds } from "../sampling/logits.js";
import { type DecodeOptions, rulesAt, startOf, stepRows } from "./options.js";
import type { StepDecoder, TopCandidates } from "./step-decoder.js";
import type { TokenConstraint } from "../rules/token-constraint.js";
import { applyRules, isRuling, SeenTokens, type TokenRules } from "../rules/token-rules.js";

/** A partial hypothesis, as a linked list from its last token back. */
export interface Beam {
  readonly last: Link | undefined;
  /** Log-probability under the unmodified model. */
  readonly logProbability: number;
  /** The score that beams are ranked by: the log-probability after bias and penalties at every token. */
  readonly total: number;
  readonly constraint: TokenConstraint | undefined;
}

interface Link {
  readonly token: number;
  readonly before: Link | undefined;
}

export interface Candidate {
  /** Index within its group of the beam that this candidate continues. */
  readonly beam: number;
  readonly token: number;
  readonly logProbability: number;
  readonly total: number;
}

export function tokensOf(last: Link | undefined): number[] {
  const tokens: number[] = [];
  for (let link = last; link !== undefined; link = link.before) tokens.push(link.token);
  return tokens.reverse();
}

/** The most probable continuations of one beam, most probable first; ties: the lowest id first. */
export interface Scored {
  readonly ids: ArrayLike<number>;
  /** Logit of the k-th continuation. Its log-probability under the model is this minus the normalizer. */
  readonly logit: (k: number) => number;
  readonly normalizer: number;
  /** The log-probability after bias, penalties and constraint; absent if there are none. */
  readonly changed?: ((k: number) => number) | undefined;
}

/** A live beam. */
interface ScoredBeam {
  readonly group: number;
  /** The beam's row in the decoder. */
  readonly row: number;
  readonly state: Beam;
}

/** Feeds one token per row and returns the scorer for the beams of this step. Scores are valid until the next step. */
type ScoredStep = (feed: Int32Array) => Promise<(beam: ScoredBeam) => Scored>;

/**
 * Chooses how the steps of a search are scored. The decoder scores them if it finds the highest logits itself and no rule or constraint changes their
 * order. Otherwise they are scored here, from its logits.
 *
 * @param count continuations per beam
 */
export function scoredSteps(
  decoder: StepDecoder,
  options: DecodeOptions,
  { groups, count }: { readonly groups: number; readonly count: number },
): ScoredStep {
  const scorers = Array.from({ length: groups }, (_, group) => new BeamScorer(options, group, count));
  const candidateStep = decoder.candidateStep?.bind(decoder);
  if (candidateStep === undefined || scorers.some(({ isPlain }) => !isPlain))
    return async (feed) => {
      const logitsOf = await stepRows(decoder, feed);
      return ({ group, row, state }) => scorers[group]!.score(row, logitsOf(row), state);
    };
  return async (feed) => {
    const found = await candidateStep(feed, count);
    return ({ row }) => scoredRow(found, row);
  };
}

/** @throws SlmError DATA_INVALID if the row's logits were not finite */
function scoredRow({ perRow, ids, logits, normalizers }: TopCandidates, row: number): Scored {
  const normalizer = normalizers[row]!;
  if (!Number.isFinite(normalizer)) throw notFinite();
  const first = row * perRow;
  return {
    ids: ids.subarray(first, first + perRow),
    logit: (k) => logits[first + k]!,
    normalizer,
  };
}

/** Scores continuations of a group. Copies nothing if there are no rules and no constraint. */
class BeamScorer {
  readonly #options: DecodeOptions;
  readonly #count: number;
  /** Undefined if the rules change nothing. */
  readonly #rules: TokenRules | undefined;
  readonly #start: number;
  readonly #source: readonly number[] | undefined;
  #changed = new Float32Array(0);

  constructor(options: DecodeOptions, group: number, count: number) {
    this.#options = options;
    this.#count = count;
    const rules = rulesAt(options, group);
    this.#rules = isRuling(rules) ? rules : undefined;
    this.#start = startOf(options, group);
    this.#source = options.source?.(group);
  }

  /** Whether logits alone determine the order of continuations. */
  get isPlain(): boolean {
    return this.#rules === undefined && this.#options.constraint === undefined;
  }

  /** Valid until the next call. */
  score(row: number, logits: Float32Array, { last, constraint }: Beam): Scored {
    const normalizer = logSumExp(logits);
    const scored = (ids: readonly number[], changed?: Float32Array): Scored => ({
      ids,
      logit: (k) => logits[ids[k]!]!,
      normalizer,
      changed: changed && ((k) => changed[ids[k]!]!),
    });
    if (this.#rules === undefined && constraint === undefined) return scored(topIds(logits, this.#count));
    if (this.#changed.length !== logits.length) this.#changed = new Float32Array(logits.length);
    const changed = this.#changed;
    for (let id = 0; id < logits.length; id++) changed[id] = logits[id]! - normalizer;
    const { before, eos, maxTokens } = this.#options;
    if (this.#rules !== undefined) {
      const seen = new SeenTokens([...(before?.(row) ?? []), this.#start], tokensOf(last));
      applyRules(changed, this.#rules, seen, { eos, maxTokens, source: this.#source });
    }
    constraint?.mask(changed);
    return scored(topIds(changed, this.#count), changed);
  }
}

/** The `count` most probable continuations of a group's live beams, most probable first. */
export function continuations(
  live: readonly Beam[],
  count: number,
  scored: (beam: number, state: Beam) => Scored,
): readonly Candidate[] {
  const candidates = live.flatMap((state, beam): Candidate[] => {
    const { ids, logit, normalizer, changed } = scored(beam, state);
    const base = state.logProbability - normalizer;
    return Array.from(ids, (token, k) => {
      const logProbability = base + logit(k);
      const total = changed === undefined ? logProbability : state.total + changed(k);
      return { beam, token, logProbability, total };
    });
  });
  // The sort is stable, and beams and their ids are already in order.
  return candidates
    .filter(({ total }) => total > -Infinity)
    .sort((x, y) => y.total - x.total)
    .slice(0, count);
}
