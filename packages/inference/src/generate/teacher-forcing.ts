/**
 * Teacher forcing: a runtime that forces its decoder to generate a given text. Generation runs on it as on any other runtime, with the same batches,
 * caches and steps. The true probability of every token is read before the logits are replaced.
 *
 *   decoder -> logits -> -ln p(next token of the text)         measured
 *                     -> logits with that token on top          generation sees, picks and feeds it next
 */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import {
  createHostTensor,
  repeatRuns,
  withLoad,
  type HostTensor,
  type RunResult,
  type Runtime,
  type Session,
} from "@slm/runtime";

export class TeacherForcing {
  /** The runtime on which to load the model. */
  readonly runtime: Runtime;
  #script: Script | undefined;

  constructor(runtime: Runtime) {
    this.runtime = withLoad(runtime, async (source, options) =>
      this.#watch(await runtime.load(source, options)),
    );
  }

  /** Whether a given text is being forced now. */
  get isActive(): boolean {
    return this.#script !== undefined;
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

  #watch(session: Session): Session {
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      release: () => session.release(),
      run: async (request): Promise<RunResult> => {
        const script = this.#script;
        const result = await session.run(request);
        const logits = result.fetched[GRAPH_IO.logits];
        if (script === undefined || logits === undefined) return result;
        return { ...result, fetched: { ...result.fetched, [GRAPH_IO.logits]: script.next(logits) } };
      },
      repeat(request) {
        return repeatRuns(this, request);
      },
    };
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
  next({ data, shape, dtype }: HostTensor): HostTensor {
    const [rows, vocab] = shape;
    if (!(data instanceof Float32Array) || rows !== this.#targets.length || vocab === undefined) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `evaluate: expected float32 logits of ${this.#targets.length} rows, got ${dtype} [${shape.join(", ")}]`,
      );
    }
    const forced = createHostTensor("float32", shape);
    for (const [row, target] of this.#targets.entries()) {
      const token = target[this.#step];
      if (token === undefined) continue; // This row has ended; others continue.
      const logits = data.subarray(row * vocab, (row + 1) * vocab);
      this.nats[row]! += negativeLogLikelihood(logits, token);
      forced.data[row * vocab + token] = 1;
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
