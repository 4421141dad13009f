/** Comparison with an earlier benchmark: the schema of `regression` in `bench.json`. */
import { z } from "zod";

const figureChange = z.strictObject({
  model: z.string(),
  figure: z.string().describe("Name of the figure in bench.json."),
  before: z.number().nonnegative(),
  now: z.number().nonnegative(),
  worseBy: z.number().describe("Relative regression; negative is an improvement [fraction]."),
  regressed: z.boolean().describe("Whether the regression exceeds the allowed one."),
  beyondNoise: z
    .boolean()
    .nullable()
    .describe(
      "Whether the confidence intervals of both medians are disjoint; null if there were too few runs.",
    ),
});
export type FigureChange = z.infer<typeof figureChange>;

export const regressionSchema = z.strictObject({
  maxRegression: z.number().nonnegative().describe("Allowed relative regression [fraction]."),
  changes: z.array(figureChange),
  notes: z.array(z.string()).describe("Reasons why the two benchmarks are not fully comparable."),
});
export type Regression = z.infer<typeof regressionSchema>;
