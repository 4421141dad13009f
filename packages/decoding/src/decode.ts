import { SlmError } from "@slm/core";
import { decodeBeams } from "./beam-search.js";
import { type DecodeOptions, type Decoded, checkDecodeOptions, rulesAt, startOf } from "./options.js";
import type { StepDecoder } from "./step-decoder.js";
import {
  selectToken,
  selectInDecoder,
  selectTop,
  decodeTokenByToken,
  type RowChoice,
} from "./token-by-token.js";
import { createTokenSelector, type TokenSelectorOptions } from "./token-selector.js";
import { isRuling } from "./token-rules.js";

/**
 * Generates from a fresh decoder: one result per row, or with beams one per group of `beams` rows.
 * Ties go to the lowest id.
 *
 * @throws SlmError USAGE for invalid options, INTERRUPTED when `signal` fires between two steps,
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
      return decodeTokenByToken(
        decoder,
        options,
        selectToken(decoder, (row) =>
          createTokenSelector({
            ...rowOptions(options, row),
            sampling: { ...strategy, random: () => random(row) },
          }),
        ),
      );
    case "beam":
      return decodeBeams(decoder, options, strategy);
  }
}

/**
 * If no rule or constraint changes the scores, the decoder may choose tokens itself. It is not notified when `stopsAfter` or a further end ends a row.
 * With several rows that can be stopped, tokens are therefore chosen here, because in some weight formats the
 * input of one row affects the others.
 */
function greedySampling(decoder: StepDecoder, options: DecodeOptions): RowChoice {
  const { rules, constraint, stopsAfter } = options;
  const isRuled = Array.from({ length: decoder.rows }, (_, row) => row).some((row) =>
    isRuling(rulesAt(options, row)),
  );
  const greedySteps = decoder.greedySteps?.bind(decoder);
  const isPlain = !isRuled && constraint === undefined;
  const endsUnseen = stopsAfter !== undefined || (rules?.furtherEnds?.length ?? 0) > 0;
  if (greedySteps !== undefined && isPlain && (!endsUnseen || decoder.rows === 1))
    return selectInDecoder(greedySteps, options);
  if (decoder.topStep !== undefined && isPlain)
    return selectTop(decoder.topStep.bind(decoder), decoder.keepRows?.bind(decoder));
  return selectToken(decoder, (row) => createTokenSelector(rowOptions(options, row)));
}

function rowOptions(options: DecodeOptions, row: number): TokenSelectorOptions {
  const { eos, maxTokens, constraint, before, source } = options;
  const fed = [...(before?.(row) ?? []), startOf(options, row)];
  return { eos, maxTokens, rules: rulesAt(options, row), constraint, before: fed, source: source?.(row) };
}
