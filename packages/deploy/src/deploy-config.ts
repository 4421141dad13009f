import { z } from "zod";

const line = z.string().trim().min(1).max(2000);

const share = z.number().min(0).max(1);

/** How to choose a bundle's confidence threshold. */
const abstainConfig = z.strictObject({
  keep: share
    .optional()
    .describe("Fraction of right answers that must not be withheld [0 to 1]. Default: 0.99."),
  maxError: share
    .optional()
    .describe("Largest fraction of wrong answers among the answers given [0 to 1]. Default: no limit."),
});

/** Settings of a bundle: the `deploy:` section of a recipe. */
export const deployConfig = z.strictObject({
  name: line.optional().describe("Name on the model card. Default: the name in model.json."),
  summary: line.optional().describe("One sentence at the top of the model card: what the model does."),
  examples: z
    .array(line)
    .max(8)
    .default([])
    .describe("Inputs to try, shown on the web page of the bundle. They become part of model.json."),
  intendedUse: line.optional().describe("Intended use of the model, for the model card."),
  limits: z.array(line).default([]).describe("Known limits, one sentence each."),
  abstain: abstainConfig
    .optional()
    .describe("Choose a confidence threshold on the dev rows; answers below it are withheld. Default: none."),
  licences: z
    .array(z.strictObject({ of: line, licence: line }))
    .default([])
    .describe("Licence of the model and of its training data and teachers."),
});

export type DeployConfig = z.infer<typeof deployConfig>;
