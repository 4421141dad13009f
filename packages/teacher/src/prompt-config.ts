/** What a teacher of text reads around every source, and examples in front of it. */
import { z } from "zod";

const text = z.string().max(1 << 20);

const examples = z
  .int()
  .nonnegative()
  .max(1000)
  .default(0)
  .describe("Training rows in front of every source, the first of the data [rows].");

const plainPrompt = z.strictObject({
  chat: z.literal(false).optional().describe("The text below stands around every source as it is."),
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
        "without them the teacher's EOS token.",
    ),
  examples,
});

const chatPrompt = z.strictObject({
  chat: z
    .literal(true)
    .describe("Sources are what a user says and targets the answers, by the model's own chat template."),
  template: z
    .string()
    .min(1)
    .optional()
    .describe("Which template, where the model has several. Default: its default one."),
  system: text.min(1).optional().describe("What the conversation begins with, as the system's message."),
  before: text.default("").describe("Text in front of every source, within the user's message."),
  after: text.default("").describe("Text behind every source, within the user's message."),
  variables: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("Further variables of the template, as enable_thinking: false."),
  examples,
});

export const promptConfig = z.discriminatedUnion("chat", [plainPrompt, chatPrompt]);

export type PromptConfig = z.infer<typeof promptConfig>;
export type PlainPromptConfig = z.infer<typeof plainPrompt>;
export type ChatPromptConfig = z.infer<typeof chatPrompt>;
