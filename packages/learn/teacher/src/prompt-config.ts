/** What a teacher of text reads around every source, and examples in front of it. */
import { z } from "zod";

const text = z.string().max(1 << 20);

export const promptConfig = z.strictObject({
  instruction: text.default("").describe("Text at the very beginning, before any example."),
  before: text.default("").describe("Text in front of every source, of examples too."),
  after: text
    .min(1)
    .default("\n")
    .describe("Text between source and target; its last token begins the target."),
  end: text
    .min(1)
    .optional()
    .describe(
      "Text behind the target of every example; its first token then ends targets. Default: a line break with examples, " +
        "without them the teacher's end mark.",
    ),
  examples: z
    .int()
    .nonnegative()
    .max(1000)
    .default(0)
    .describe("Training rows in front of every source, the first of the data [rows]."),
});

export type PromptConfig = z.infer<typeof promptConfig>;
