/** Decoders of random models that return logits or pick tokens themselves, and count their calls. */
import { argmax, logSumExp } from "../sampling/logits.js";
import type { DecodeOptions } from "./options.js";
import { PrefixDecoder, randomModel } from "./prefix-decoder.test-support.js";
import type { GreedyStepsOptions, TopTokens } from "./step-decoder.js";

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

/** A decoder of random models, a model for each row, in which the end is less likely than other tokens. */
export class LogitsDecoder extends PrefixDecoder {
  constructor(rows: number, seed: number) {
    super(rows, VOCABULARY, (row) => {
      const model = randomModel(seed + row, VOCABULARY);
      return (prefix) => model(prefix).map((logit, id) => logit - (id === EOS ? 1 : 0));
    });
  }
}

/** The same decoder, which also picks tokens itself. */
export class PickingDecoder extends LogitsDecoder {
  made = 0;
  isOver = false;

  rewind(steps: number): void {
    if (!this.isOver) throw new Error("rewound while it picks tokens");
    this.fed = this.fed.map((ids) => ids.slice(0, steps));
  }

  async *greedySteps(
    first: Int32Array,
    { eos, pad, steps, signal }: GreedyStepsOptions,
  ): AsyncGenerator<TopTokens> {
    let tokens = first;
    const ended = Array.from(first, () => false);
    try {
      while (this.made < steps && ended.includes(false) && signal?.aborted !== true) {
        const logits = this.feed(tokens).map((row) => Float32Array.from(row));
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
