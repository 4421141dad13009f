import { z } from "zod";

const line = z.string().trim().min(1).max(2000);

/** How to bundle a model. Read from the `deploy:` section of a recipe. */
export const deployConfig = z.strictObject({
  target: z.enum(["dir"]).default("dir").describe("Form of the bundle: a directory."),
  name: line.optional().describe("Name on the model card. Default: the name in model.json."),
  summary: line.optional().describe("One sentence at the top of the model card: what the model does."),
  intendedUse: line.optional().describe("What the model is meant for."),
  limits: z.array(line).default([]).describe("Known limits, one sentence each."),
  licences: z
    .array(z.strictObject({ of: line, licence: line }))
    .default([])
    .describe("Licence of the model and of everything it was made from."),
});

export type DeployConfig = z.infer<typeof deployConfig>;
