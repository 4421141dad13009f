import { SlmError } from "@slm/core";
import type { StepDecoder } from "./step-decoder.js";
import type { SamplingOptions } from "../sampling/sampling.js";
import type { AnswerOpening } from "@slm/tokenizer";
import type { TokenConstraint } from "../rules/token-constraint.js";
import { checkRules, type TokenRules } from "../rules/token-rules.js";

/** Lowest temperature for sampling. Scores divided by it are still finite, and the most probable token is already certain. */
const LOWEST_TEMPERATURE = 1e-30;

/**
 * How the next token is chosen.
 * `beam`: keep the `beams` most probable hypotheses; a hypothesis scores log-probability / length^lengthPenalty, so
 * 0 ranks by probability alone and larger values favour longer results. `earlyStopping`: when to stop a search that has `beams` complete hypotheses;
 * see `decodeBeams`. Default: false.
 */
export type Strategy =
  | { readonly kind: "greedy" }
  | ({ readonly kind: "sample" } & SamplingOptions)
  | {
      readonly kind: "beam";
      readonly beams: number;
      readonly lengthPenalty: number;
      readonly earlyStopping?: boolean | "never" | undefined;
    };

export interface DecodeOptions {
  /** Fed first, to every row. */
  readonly bos: number;
  /** Ends a row. */
  readonly eos: number;
  /** Fed to rows that have ended while others continue. */
  readonly pad: number;
  /** Maximum number of tokens per row, including the final `eos`. */
  readonly maxTokens: number;
  readonly strategy: Strategy;
  /** Draws a uniform number in [0, 1) for a row; only the strategy `sample` needs it. */
  readonly random?: ((row: number) => number) | undefined;
  /** Bias and penalties. With beams they change log-probabilities, otherwise logits, as in Hugging Face `generate`. */
  readonly rules?: TokenRules | undefined;
  /**
   * Tokens that an answer begins with instead of `bos` and the forced first token of `rules`, such as its language; by the index of its result.
   * Default: none.
   */
  readonly opening?: ((result: number) => AnswerOpening | undefined) | undefined;
  /** The constraint on the text of a result, in its state before the first token. Default: none. */
  readonly constraint?: ((result: number) => TokenConstraint) | undefined;
  /** Ids that were fed before `bos`, per row: the repetition penalty counts them. Default: none. */
  readonly before?: ((row: number) => readonly number[]) | undefined;
  /** Ids of the source of a result, which rules may forbid to repeat. Default: none. */
  readonly source?: ((result: number) => readonly number[]) | undefined;
  /**
   * Whether a row (with beams: a hypothesis) ends after these tokens, `eos` excluded, whatever the model would generate next.
   * Called once per token, in order. With beams the order is arbitrary, so it must depend on the tokens alone.
   */
  readonly stopsAfter?: ((row: number, tokens: readonly number[]) => boolean) | undefined;
  /**
   * The tokens of a result, `eos` last: they are fed in place of chosen ones, so that the result has their log-probability (teacher forcing). Only the
   * strategy `greedy` supports it. Default: tokens are chosen.
   */
  readonly given?: ((result: number) => readonly number[]) | undefined;
  /** Deadline on the clock of `performance.now()` [ms]. The step in progress at that time is the last one. */
  readonly deadlineMs?: number | undefined;
  /** Called with every token of the result, `eos` excluded, as soon as it is certain: with beams, at the end. */
  readonly onToken?: ((row: number, token: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why a text ends: the model generated EOS, `stopsAfter`, `maxTokens`, or `deadlineMs`. */
export type EndReason = "eos" | "stop" | "length" | "time";

export interface Decoded {
  /** Without `bos` and `eos`. */
  readonly tokens: number[];
  /** Log-probability of the tokens, `eos` included, under the unmodified model (no temperature, no filter) [nats]. */
  readonly logProbability: number;
  /** Whether `eos` or another end token of the model ended the text, and which one. */
  readonly finished: boolean;
  readonly end?: number | undefined;
  readonly reason: EndReason;
}

/** @throws SlmError USAGE with the option, the allowed values and the actual value. */
export function checkDecodeOptions(decoder: StepDecoder, options: DecodeOptions): void {
  const { vocabularySize } = decoder;
  for (const role of ["bos", "eos", "pad"] as const) {
    const id = options[role];
    demand(isCount(id, 0) && id < vocabularySize, `${role} must be an id below ${vocabularySize}, got ${id}`);
  }
  demand(isCount(options.maxTokens, 1), `maxTokens must be a positive integer, got ${options.maxTokens}`);
  if (options.rules !== undefined) checkRules(options.rules, vocabularySize);
  const { strategy, opening } = options;
  const results = decoder.rows / (strategy.kind === "beam" ? strategy.beams : 1);
  for (let result = 0; opening !== undefined && result < results; result++)
    checkOpening(opening(result), vocabularySize);
  switch (strategy.kind) {
    case "greedy":
      return;
    case "sample": {
      const { temperature, topK = 1, topP = 1, minP = 0 } = strategy;
      demand(temperature > 0 && temperature < Infinity, `temperature must be above 0, got ${temperature}`);
      demand(
        temperature >= LOWEST_TEMPERATURE,
        `temperature must be 0 (greedy) or at least ${LOWEST_TEMPERATURE}, got ${temperature}`,
      );
      demand(isCount(topK, 1), `topK must be a positive integer, got ${topK}`);
      demand(topP > 0 && topP <= 1, `topP must be above 0 and at most 1, got ${topP}`);
      demand(minP >= 0 && minP <= 1, `minP must be from 0 to 1, got ${minP}`);
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

function checkOpening(opening: AnswerOpening = {}, vocabularySize: number): void {
  for (const [name, id] of Object.entries(opening) as [string, number | undefined][])
    demand(
      id === undefined || (isCount(id, 0) && id < vocabularySize),
      `${name} must be an id below ${vocabularySize}, got ${id ?? ""}`,
    );
}

/** The token that the decoder is fed first for a result. */
export const startOf = ({ bos, opening }: Pick<DecodeOptions, "bos" | "opening">, result: number): number =>
  opening?.(result)?.start ?? bos;

/** The rules of a result. */
export function rulesAt(
  { rules, opening }: Pick<DecodeOptions, "rules" | "opening">,
  result: number,
): TokenRules | undefined {
  const forcedFirst = opening?.(result)?.forcedFirst;
  return forcedFirst === undefined ? rules : { ...rules, forcedFirst };
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

/** Whether the deadline of these options has passed. */
export function isLate({ deadlineMs }: Pick<DecodeOptions, "deadlineMs">): boolean {
  return deadlineMs !== undefined && performance.now() >= deadlineMs;
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
