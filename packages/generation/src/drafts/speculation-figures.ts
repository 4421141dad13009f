/** Metrics of speculative decoding, as benchmarks store and show them. */
import { z } from "zod";

/** Fields of a request to open a model. */
export const speculationRequest = {
  draftTokens: z.int().nonnegative().optional().describe("Draft tokens per run. Default: the model's own."),
};

/** Fields of an opened model. */
export const openedSpeculation = {
  draftTokens: z
    .int()
    .nonnegative()
    .default(0)
    .describe("Draft tokens that a decoder run may verify with the model's own rules; 0: none [tokens]."),
};

/** Fields of a measured model. */
export const speculationFigures = {
  ...openedSpeculation,
  tokensPerRun: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Tokens per decoder run: 1 without drafts, more if drafts are accepted."),
};

interface SpeculationFigures {
  readonly draftTokens: number;
  readonly tokensPerRun: number;
}

/** The row of a table of metrics: its name and a model's numbers. */
export const SPECULATION_ROW = {
  name: "draft tokens / tokens per run",
  numbers: ({ draftTokens, tokensPerRun }: SpeculationFigures): readonly [number, number] => [
    draftTokens,
    tokensPerRun,
  ],
} as const;
