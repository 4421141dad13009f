/** Decoders of random models that return logits or pick tokens themselves, and count their calls. */
import { argmax, logSumExp } from "../sampling/logits.js";
import type { DecodeOptions } from "./options.js";
import { createRandom } from "../sampling/random.js";
import type { GreedyStepsOptions, TopTokens, StepDecoder } from "./step-decoder.js";

const [EOS, PAD, BOS] = [0, 1, 2];
export const VOCABULARY = 6;
/** A seed with an answer of more than two tokens. */
export const LONG = 5;

/** Options of greedy decoding. */
export const greedy = (options: Partial<DecodeOptions>): DecodeOptions => ({
  bos: BOS,
  eos: EOS,
  pad: PAD,
  maxTokens: 12,
  strategy: { kind: "greedy" },
  ...options,
});

/** Logits of a row that depend on all ids it was fed. */
function logitsAfter(seed: number, fed: readonly number[]): Float32Array {
  const { next } = createRandom(fed.reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, seed));
  return Float32Array.from({ length: VOCABULARY }, (_, id) => 4 * next() - (id === EOS ? 1 : 0));
}

/** Returns logits. Each row has its own number, which its logits depend on. */
export class LogitsDecoder implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize = VOCABULARY;
  asked = 0;
  readonly #seed: number;
  #fed: readonly (readonly number[])[];

  constructor(rows: number, seed: number) {
    this.rows = rows;
    this.#seed = seed;
    this.#fed = Array.from({ length: rows }, () => []);
  }

  step(tokens: Int32Array): Promise<Float32Array> {
    this.asked++;
    return Promise.resolve(Float32Array.from(this.feed(tokens).flatMap((logits) => [...logits])));
  }

  permuteRows(): Promise<void> {
    return Promise.resolve();
  }

  /** For each row, keeps the ids of the first steps. */
  protected keep(steps: number): void {
    this.#fed = this.#fed.map((ids) => ids.slice(0, steps));
  }

  protected feed(tokens: Int32Array): Float32Array[] {
    this.#fed = this.#fed.map((ids, row) => [...ids, tokens[row]!]);
    return this.#fed.map((ids, row) => logitsAfter(this.#seed + row, ids));
  }
}

/** The same decoder, which also picks tokens itself. */
export class PickingDecoder extends LogitsDecoder {
  made = 0;
  isOver = false;

  rewind(steps: number): void {
    if (!this.isOver) throw new Error("rewound while it picks tokens");
    this.keep(steps);
  }

  async *greedySteps(
    first: Int32Array,
    { eos, pad, steps, signal }: GreedyStepsOptions,
  ): AsyncGenerator<TopTokens> {
    let tokens = first;
    const ended = Array.from(first, () => false);
    try {
      while (this.made < steps && ended.includes(false) && signal?.aborted !== true) {
        const logits = this.feed(tokens);
        this.made++;
        const ids = Int32Array.from(logits, argmax);
        const logProbabilities = Float32Array.from(logits, (row, at) => row[ids[at]!]! - logSumExp(row));
        yield await Promise.resolve({ ids, logProbabilities });
        tokens = ids.map((id, row) => ((ended[row] ||= id === eos) ? pad : id));
      }
    } finally {
      this.isOver = true;
    }
  }
}
