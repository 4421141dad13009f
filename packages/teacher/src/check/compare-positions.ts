/** Compares a model's next-token distributions with a reference's. */
import { SlmError } from "@slm/core";
import type { ReferencePosition } from "./reference-file.js";

export interface Agreement {
  /** Positions compared. */
  readonly positions: number;
  /** Share of positions with the same top-1 token. */
  readonly agreement: number;
  /** Mean KL(reference || model) [nats per position]. */
  readonly meanKl: number;
  /** Largest difference of a logit, or of a log-probability if the reference has log-probabilities. */
  readonly maxAbs: number;
}

/** Smaller probabilities count as zero, because their logarithms would dominate. */
const LEAST = 1e-12;

/** Accumulates the comparison over positions. */
export class AgreementSum {
  #positions = 0;
  #agreed = 0;
  #kl = 0;
  #maxAbs = 0;

  /** @throws SlmError DATA_INVALID if the reference has numbers that are not finite. */
  add(logits: Float32Array, reference: ReferencePosition): void {
    const { kl, maxAbs, top } = COMPARE[reference.kind](logits, reference as never);
    if (!Number.isFinite(kl) || !Number.isFinite(maxAbs)) {
      throw new SlmError(
        "DATA_INVALID",
        `teacher check: position ${this.#positions} of the reference has numbers that are not finite`,
      );
    }
    this.#positions += 1;
    this.#agreed += top === argMax(logits) ? 1 : 0;
    this.#kl += kl;
    this.#maxAbs = Math.max(this.#maxAbs, maxAbs);
  }

  get result(): Agreement {
    const positions = this.#positions;
    return {
      positions,
      agreement: this.#agreed / positions,
      meanKl: this.#kl / positions,
      maxAbs: this.#maxAbs,
    };
  }
}

interface Comparison {
  readonly kl: number;
  readonly maxAbs: number;
  /** The reference's most probable token. */
  readonly top: number;
}

const COMPARE: {
  readonly [K in ReferencePosition["kind"]]: (
    logits: Float32Array,
    reference: Extract<ReferencePosition, { readonly kind: K }> & { readonly kind: K },
  ) => Comparison;
} = {
  logits: (logits, { values }) => ({
    ...compareAll(logits, values),
    maxAbs: maxDifference(logits, values, 0),
  }),
  logProbabilities: (logits, { values }) => ({
    ...compareAll(logits, values),
    maxAbs: maxDifference(logits, values, logSumExp(logits)),
  }),
  top: compareTop,
};

function compareAll(logits: Float32Array, reference: Float32Array): Omit<Comparison, "maxAbs"> {
  const [ours, theirs] = [logSumExp(logits), logSumExp(reference)];
  let kl = 0;
  for (let id = 0; id < logits.length; id++) {
    const log = reference[id]! - theirs;
    const share = Math.exp(log);
    // Not `> 0`, so that NaN reaches the sum, where it is rejected.
    if (share !== 0) kl += share * (log - (logits[id]! - ours));
  }
  return { kl, top: argMax(reference) };
}

/** KL over the top-k tokens, with all others as one outcome. It is a lower bound of the KL of the full distributions. */
function compareTop(
  logits: Float32Array,
  { ids, logProbabilities, tail }: Extract<ReferencePosition, { readonly kind: "top" }>,
): Comparison {
  const normalizer = logSumExp(logits);
  let [kl, maxAbs, rest] = [0, 0, 1];
  ids.forEach((id, place) => {
    const ours = logits[id]! - normalizer;
    const theirs = logProbabilities[place]!;
    rest -= Math.exp(ours);
    kl += Math.exp(theirs) * (theirs - ours);
    maxAbs = Math.max(maxAbs, Math.abs(theirs - ours));
  });
  if (tail > LEAST) kl += tail * Math.log(tail / Math.max(LEAST, rest));
  return { kl, maxAbs, top: ids[argMax(logProbabilities)]! };
}

/**
 * Largest |ours - shift - theirs| over finite values of the reference. Tokens of probability zero in the reference are compared only
 * by the divergence.
 */
function maxDifference(ours: Float32Array, theirs: Float32Array, shift: number): number {
  let most = 0;
  for (let id = 0; id < ours.length; id++) {
    if (theirs[id] === -Infinity) continue;
    const difference = Math.abs(ours[id]! - shift - theirs[id]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}

function logSumExp(values: Float32Array): number {
  const largest = values[argMax(values)]!;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
