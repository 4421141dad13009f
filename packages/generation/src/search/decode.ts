import { SlmError } from "@slm/core";
import { decodeBeams } from "./beam-search.js";
import { type DecodeOptions, type Decoded, checkDecodeOptions, rulesAt, startOf } from "./options.js";
import type { SamplingOptions } from "../sampling/sampling.js";
import type { StepDecoder } from "./step-decoder.js";
import {
  feedGiven,
  selectToken,
  selectInDecoder,
  selectSampled,
  selectTop,
  decodeTokenByToken,
  type RowChoice,
} from "./token-by-token.js";
import { createTokenSelector, type TokenSelectorOptions } from "./token-selector.js";
import { isRuling } from "../rules/token-rules.js";
import { selectWhileAllowed } from "./while-allowed.js";

/**
 * Generates from a new decoder: one result per row, or with beams one per group of `beams` rows.
 * Ties go to the lowest id.
 *
 * @throws SlmError USAGE for invalid options, INTERRUPTED if `signal` fires between two steps,
 * DATA_INVALID if the model's logits are not finite or the constraint allows no token, SHAPE_MISMATCH if they are not `[rows, vocab]`.
 */
export async function decode(decoder: StepDecoder, options: DecodeOptions): Promise<Decoded[]> {
  checkDecodeOptions(decoder, options);
  const { strategy, random } = options;
  switch (strategy.kind) {
    case "greedy":
      return decodeTokenByToken(decoder, options, greedySampling(decoder, options));
    case "sample":
      if (random === undefined)
        throw new SlmError("USAGE", "decoding: sampling needs 'random', numbers in [0, 1)");
      return decodeTokenByToken(decoder, options, sampling(decoder, options, { strategy, random }));
    case "beam":
      return decodeBeams(decoder, options, strategy);
  }
}

interface Sampling {
  readonly strategy: SamplingOptions;
  readonly random: (row: number) => number;
}

/** If no rule or constraint changes the scores, the decoder may draw tokens itself. */
function sampling(decoder: StepDecoder, options: DecodeOptions, { strategy, random }: Sampling): RowChoice {
  const sampleStep = decoder.sampleStep?.bind(decoder);
  if (sampleStep !== undefined && !isRuled(decoder, options) && options.constraint === undefined)
    return selectSampled(sampleStep, { strategy, random, keepRows: decoder.keepRows?.bind(decoder) });
  return selectToken(decoder, (row) =>
    createTokenSelector({
      ...rowOptions(options, row),
      sampling: { ...strategy, random: () => random(row) },
    }),
  );
}

/** Whether a rule changes the scores of a row. */
function isRuled({ rows }: StepDecoder, options: DecodeOptions): boolean {
  return Array.from({ length: rows }, (_, row) => row).some((row) => isRuling(rulesAt(options, row)));
}

/**
 *
 * If no rule changes the scores, the decoder may choose tokens itself, and under a constraint as long as the constraint allows them. The decoder is
 * not told when `stopsAfter` or a further end token ends a row. If several rows can end this way, tokens are therefore chosen here, because in
 * some weight formats the input of one row affects the others.
 */
function greedySampling(decoder: StepDecoder, options: DecodeOptions): RowChoice {
  const { rules, stopsAfter, constraint, given } = options;
  if (given !== undefined) return feedGiven(decoder, given);
  const greedySteps = decoder.greedySteps?.bind(decoder);
  const rewind = decoder.rewind?.bind(decoder);
  const isUnruled = !isRuled(decoder, options);
  const endsUnseen = stopsAfter !== undefined || (rules?.furtherEnds?.length ?? 0) > 0;
  const chosenHere = (constraintOf = constraint): RowChoice =>
    selectToken(decoder, (row) =>
      createTokenSelector({ ...rowOptions(options, row), constraint: constraintOf?.(row) }),
    );
  if (greedySteps !== undefined && isUnruled && (!endsUnseen || decoder.rows === 1)) {
    const inDecoder = selectInDecoder(greedySteps, options);
    if (constraint === undefined) return inDecoder;
    if (rewind !== undefined)
      return selectWhileAllowed(inDecoder, { ...options, constraint, rewind, chosenHere });
  }
  if (decoder.topStep !== undefined && isUnruled && constraint === undefined)
    return selectTop(decoder.topStep.bind(decoder), decoder.keepRows?.bind(decoder));
  return chosenHere();
}

function rowOptions(options: DecodeOptions, row: number): TokenSelectorOptions {
  const { eos, maxTokens, constraint, before, source } = options;
  const fed = [...(before?.(row) ?? []), startOf(options, row)];
  return {
    eos,
    maxTokens,
    rules: rulesAt(options, row),
    constraint: constraint?.(row),
    before: fed,
    source: source?.(row),
  };
}
