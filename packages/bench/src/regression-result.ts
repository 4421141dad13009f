/** What a benchmark says of an earlier one: the shape of `regression` in `bench.json`. */
import { z } from "zod";

const figureChange = z.strictObject({
  model: z.string(),
  figure: z.string().describe("Name of the figure in bench.json."),
  before: z.number().nonnegative(),
  now: z.number().nonnegative(),
  worseBy: z.number().describe("Relative change for the worse; negative is better [fraction]."),
  regressed: z.boolean().describe("Whether it is worse by more than is allowed."),
  beyondNoise: z
    .boolean()
    .nullable()
    .describe("Whether the intervals of both medians are apart; null where there were too few to say."),
});
export type FigureChange = z.infer<typeof figureChange>;

export const regressionSchema = z.strictObject({
  maxRegression: z.number().nonnegative().describe("Allowed relative change for the worse [fraction]."),
  changes: z.array(figureChange),
  notes: z.array(z.string()).describe("Why the two cannot be compared as they should."),
});
export type Regression = z.infer<typeof regressionSchema>;
