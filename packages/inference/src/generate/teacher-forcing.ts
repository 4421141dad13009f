/**
 * Teacher forcing: makes a decoder generate a given text. Generation runs as always, with the same batches, caches and steps. The true probability of
 * every token is read before the logits are replaced.
 *
 *   decoder -> logits -> -ln p(next token of the text)         measured
 *                     -> logits with that token on top          generation sees, picks and feeds it next
 */
import { SlmError } from "@slm/core";
import type { StepDecoder } from "@slm/generation";

export class TeacherForcing {
  #script: Script | undefined;

  /** Whether a given text is being forced now. */
  get isActive(): boolean {
    return this.#script !== undefined;
  }

  /** The decoder of a batch: while a text is forced, its logits are replaced, and it does not choose tokens itself. */
  watch(decoder: StepDecoder): StepDecoder {
    const script = this.#script;
    if (script === undefined) return decoder;
    const { rows, vocabularySize } = decoder;
    return {
      rows,
      vocabularySize,
      step: async (tokens) => script.next(await decoder.step(tokens), vocabularySize),
      permuteRows: (from) => decoder.permuteRows(from),
    };
  }

  /**
   * Runs `body`, one greedy generation of a single batch in which row i generates `targets[i]`, including EOS.
   *
   * Units: per row the sum of -ln p(token | tokens before it) [nats].
   *
   * @throws SlmError SHAPE_MISMATCH if the decoder runs a different number of rows; DATA_INVALID if the likelihood of a token is not finite; the
   * errors of `body`.
   */
  async force<Result>(
    targets: readonly (readonly number[])[],
    body: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly nats: readonly number[] }> {
    if (this.isActive) throw new SlmError("UNEXPECTED", "evaluate: texts are being scored already");
    const script = new Script(targets);
    this.#script = script;
    try {
      return { result: await body(), nats: script.nats };
    } finally {
      this.#script = undefined;
    }
  }
}

/** The forced texts of a batch, and their log-likelihoods so far. */
class Script {
  readonly nats: number[];
  readonly #targets: readonly (readonly number[])[];
  #step = 0;

  constructor(targets: readonly (readonly number[])[]) {
    this.#targets = targets;
    this.nats = targets.map(() => 0);
  }

  /** Logits `[rows, vocab]` of a step: adds up likelihoods, and returns logits in which the given tokens are the highest. */
  next(data: Float32Array, vocab: number): Float32Array {
    if (data.length !== this.#targets.length * vocab) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `evaluate: expected logits of ${this.#targets.length} rows of ${vocab}, got ${data.length} numbers`,
      );
    }
    const forced = new Float32Array(data.length);
    for (const [row, target] of this.#targets.entries()) {
      const token = target[this.#step];
      if (token === undefined) continue; // This row has ended; others continue.
      const logits = data.subarray(row * vocab, (row + 1) * vocab);
      this.nats[row]! += negativeLogLikelihood(logits, token);
      forced[row * vocab + token] = 1;
    }
    this.#step++;
    return forced;
  }
}

/**
 * -ln softmax(logits)[token]. The highest logit is subtracted first, so that nothing overflows.
 *
 * Units: nats.
 * @throws SlmError DATA_INVALID if it is not finite: NaN logits, or a token with probability zero.
 */
function negativeLogLikelihood(logits: Float32Array, token: number): number {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const nats = Math.log(sum) + highest - logits[token]!;
  if (Number.isFinite(nats)) return nats;
  throw new SlmError(
    "DATA_INVALID",
    `evaluate: expected a finite likelihood of token ${token}, got ${nats}`,
    {
      context: { token },
      suggestions: ["slm export CHECKPOINT --target cpu"],
    },
  );
}
