import { pathSetting } from "@slm/core";
import { z } from "zod";

const line = z.string().trim().min(1).max(2000);

const share = z.number().min(0).max(1);

/** How a bundle's threshold of confidence is chosen. */
const abstainConfig = z.strictObject({
  data: pathSetting
    .optional()
    .describe("Held-out rows to choose it on, that were not trained on. Default: the dev rows of the run."),
  keep: share
    .optional()
    .describe("Share of right answers to rows like these that must be given [0 to 1]. Default: 0.99."),
  maxError: share
    .optional()
    .describe("Largest share of wrong answers among those given [0 to 1]. Default: no limit."),
});

/** How to bundle a model. Read from the `deploy:` section of a recipe. */
export const deployConfig = z.strictObject({
  name: line.optional().describe("Name on the model card. Default: the name in model.json."),
  summary: line.optional().describe("One sentence at the top of the model card: what the model does."),
  intendedUse: line.optional().describe("What the model is meant for."),
  limits: z.array(line).default([]).describe("Known limits, one sentence each."),
  abstain: abstainConfig
    .optional()
    .describe(
      "Choose a threshold of confidence for the bundle, below which answers are withheld. Default: none.",
    ),
  measurements: z
    .boolean()
    .optional()
    .describe(
      "Whether the model card has the speed and memory that stage bench measured. Default: no, because two runs measure different times and would give different bundles.",
    ),
  licences: z
    .array(z.strictObject({ of: line, licence: line }))
    .default([])
    .describe("Licence of the model and of everything it was made from."),
});

export type DeployConfig = z.infer<typeof deployConfig>;
