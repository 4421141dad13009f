/** Figures of speculative decoding, as benchmarks store and show them. */
import { z } from "zod";

/** Fields of a request to open a model. */
export const speculationRequest = {
  draftTokens: z.int().nonnegative().optional().describe("Draft tokens of a run; absent: the default."),
};

/** Fields of a model that was opened. */
export const openedSpeculation = {
  draftTokens: z
    .int()
    .nonnegative()
    .default(0)
    .describe("Draft tokens of the model's own rules that a decoder run may verify; 0: none [tokens]."),
};

/** Fields of a model that was measured. */
export const speculationFigures = {
  ...openedSpeculation,
  tokensPerRun: z
    .number()
    .nonnegative()
    .default(1)
    .describe(
      "Tokens of an answer over the decoder runs that made it: 1 without drafts, more with accepted ones.",
    ),
};

interface SpeculationFigures {
  readonly draftTokens: number;
  readonly tokensPerRun: number;
}

/** The row of a table of figures: its name, and the numbers of a model. */
export const SPECULATION_ROW = {
  name: "draft tokens / tokens a run",
  numbers: ({ draftTokens, tokensPerRun }: SpeculationFigures): readonly [number, number] => [
    draftTokens,
    tokensPerRun,
  ],
} as const;
