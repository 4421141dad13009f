/** A decoder that suppresses EOS, so that all models generate the same number of tokens. Portable models have no runtime to wrap. */
import type { StepDecoder } from "@slm/generation";
import { NEVER, rename } from "./endless-runtime.js";

export function endlessDecoder(decoder: StepDecoder, eos: number): StepDecoder {
  const { rows, vocabularySize } = decoder;
  const greedySteps = decoder.greedySteps?.bind(decoder);
  return {
    rows,
    vocabularySize,
    step: async (tokens) => {
      const logits = await decoder.step(tokens);
      for (let at = eos; at < logits.length; at += vocabularySize) logits[at] = NEVER;
      return logits;
    },
    permuteRows: (from) => decoder.permuteRows(from),
    ...(greedySteps && {
      rewind: (steps) => decoder.rewind?.(steps),
      async *greedySteps(tokens, options) {
        for await (const top of greedySteps(tokens, { ...options, eos: -1 })) {
          rename(top.ids, eos);
          yield top;
        }
      },
    }),
  };
}
