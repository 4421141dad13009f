import { SlmError } from "@slm/error";
import type { StepDecoder } from "./step-decoder.js";
import type { SamplingOptions } from "./sampling.js";

/**
 * How the next token is chosen.
 * `beam`: keep the `beams` likeliest beginnings; a hypothesis scores log-probability / length^lengthPenalty, so
 * 0 ranks by probability alone and larger values favour longer results.
 */
export type Strategy =
  | { readonly kind: "greedy" }
  | ({ readonly kind: "sample" } & SamplingOptions)
  | { readonly kind: "beam"; readonly beams: number; readonly lengthPenalty: number };

export interface DecodeOptions {
  /** Fed first, to every row. */
  readonly bos: number;
  /** Ends a row. */
  readonly eos: number;
  /** Fed to rows that have ended while others go on. */
  readonly pad: number;
  /** Most tokens a row may get, the ending `eos` included. */
  readonly maxTokens: number;
  readonly strategy: Strategy;
  /** Uniform in [0, 1); needed by the strategy `sample` only. */
  readonly random?: () => number;
  /** Called with every token of the result, `eos` excluded, as soon as it is certain: with beams, at the end. */
  readonly onToken?: (row: number, token: number) => void;
  readonly signal?: AbortSignal;
}

export interface Decoded {
  /** Without `bos` and `eos`. */
  readonly tokens: number[];
  /** Sum over the tokens, `eos` included, under the model itself (no temperature, no filter) [nats]. */
  readonly logProbability: number;
  /** Whether `eos` ended it; false where `maxTokens` did. */
  readonly finished: boolean;
}

/** @throws SlmError USAGE naming the option, what it may be and what it is. */
export function checkDecodeOptions(decoder: StepDecoder, options: DecodeOptions): void {
  const { vocabularySize } = decoder;
  for (const role of ["bos", "eos", "pad"] as const) {
    const id = options[role];
    demand(isCount(id, 0) && id < vocabularySize, `${role} must be an id below ${vocabularySize}, got ${id}`);
  }
  demand(isCount(options.maxTokens, 1), `maxTokens must be a positive integer, got ${options.maxTokens}`);
  const { strategy } = options;
  switch (strategy.kind) {
    case "greedy":
      return;
    case "sample": {
      const { temperature, topK = 1, topP = 1 } = strategy;
      demand(temperature > 0 && temperature < Infinity, `temperature must be above 0, got ${temperature}`);
      demand(isCount(topK, 1), `topK must be a positive integer, got ${topK}`);
      demand(topP > 0 && topP <= 1, `topP must be above 0 and at most 1, got ${topP}`);
      return;
    }
    case "beam": {
      const { beams, lengthPenalty } = strategy;
      demand(isCount(beams, 1), `beams must be a positive integer, got ${beams}`);
      demand(Number.isFinite(lengthPenalty), `lengthPenalty must be a number, got ${lengthPenalty}`);
      demand(
        decoder.rows % beams === 0,
        `${beams} beams need a multiple of ${beams} rows, got ${decoder.rows}`,
      );
    }
  }
}

function isCount(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least;
}

function demand(holds: boolean, problem: string): void {
  if (!holds) throw new SlmError("USAGE", `decoding: ${problem}`);
}

/** @throws SlmError INTERRUPTED if the caller asked to stop. */
export function checkInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new SlmError("INTERRUPTED", "decoding: stopped before the end", { cause: signal.reason });
  }
}

/** One step, checked. @throws SlmError SHAPE_MISMATCH if the decoder's logits are not `[rows, vocab]`. */
export async function stepRows(
  decoder: StepDecoder,
  tokens: Int32Array,
): Promise<(row: number) => Float32Array> {
  const { rows, vocabularySize } = decoder;
  const logits = await decoder.step(tokens);
  if (logits.length !== rows * vocabularySize) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `decoding: the decoder returned ${logits.length} logits for ${rows} rows of ${vocabularySize} tokens`,
    );
  }
  return (row) => logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
}
