/** The prompt of a text teacher: text around every source, and few-shot examples before it. */
import { z } from "zod";

/** A text of a prompt. */
const promptTextSetting = z.string().max(1 << 20);

const examplesSetting = z
  .int()
  .nonnegative()
  .max(1000)
  .default(0)
  .describe("Few-shot examples before every source: the first training rows [rows].");

/** Settings of both kinds of prompts. */
export const promptFields = {
  instruction: promptTextSetting
    .default("")
    .describe("What to do: the system message of a chat, otherwise text at the start of the prompt."),
  before: promptTextSetting.default("").describe("Text before every source, including sources of examples."),
  examples: examplesSetting,
};

/** Text after a source in a plain prompt. */
export const plainAfter = promptTextSetting
  .min(1)
  .default("\n")
  .describe("Text between source and target. Its last token starts the target.");

/** Text after a source in a chat. */
export const chatAfter = promptTextSetting
  .default("")
  .describe("Text after every source in the user's message.");

const plainPrompt = z.strictObject({
  chat: z
    .literal(false)
    .optional()
    .describe("Plain prompt: the texts below are added unchanged around every source."),
  ...promptFields,
  after: plainAfter,
});

const chatPrompt = z.strictObject({
  chat: z
    .literal(true)
    .describe(
      "Chat prompt: sources are user messages and targets are assistant messages of the model's chat template.",
    ),
  ...promptFields,
  after: chatAfter,
  variables: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("More variables for the template, such as enable_thinking: false."),
});

export const promptConfig = z.discriminatedUnion("chat", [plainPrompt, chatPrompt]);

export type PromptConfig = z.infer<typeof promptConfig>;
export type PlainPromptConfig = z.infer<typeof plainPrompt>;
export type ChatPromptConfig = z.infer<typeof chatPrompt>;
