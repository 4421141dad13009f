import { SlmError } from "@slm/core";
import { decodeBeams } from "./beam-search.js";
import { type DecodeOptions, type Decoded, checkDecodeOptions } from "./options.js";
import type { StepDecoder } from "./step-decoder.js";
import { selectToken, selectInDecoder, decodeTokenByToken, type RowChoice } from "./token-by-token.js";
import { createTokenSelector, type TokenSelectorOptions } from "./token-selector.js";
import { isRuling } from "./token-rules.js";

/**
 * Generates from a fresh decoder: one result per row, with beams one per group of `beams` rows.
 * Of equally likely tokens the lowest id wins.
 *
 * @throws SlmError USAGE for options that cannot be followed, INTERRUPTED when `signal` fires between two steps,
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
 * Where nothing changes the scores, the decoder may choose. It does not hear that a row was stopped: several rows that can be stopped are
 * fed from here, because in some weight formats what a row is fed reaches the others.
 */
function greedySampling(decoder: StepDecoder, options: DecodeOptions): RowChoice {
  const { rules, constraint, stopsAfter } = options;
  const greedySteps = decoder.greedySteps?.bind(decoder);
  const isPlain = !isRuling(rules) && constraint === undefined;
  if (greedySteps !== undefined && isPlain && (stopsAfter === undefined || decoder.rows === 1))
    return selectInDecoder(greedySteps, options);
  return selectToken(decoder, (row) => createTokenSelector(rowOptions(options, row)));
}

function rowOptions(
  { bos, eos, rules, constraint, before }: DecodeOptions,
  row: number,
): TokenSelectorOptions {
  return { eos, rules, constraint, before: [...(before?.(row) ?? []), bos] };
}
