/** The prompt of a text teacher: text around every source, and few-shot examples before it. */
import { z } from "zod";

/** A text of a prompt. */
export const promptTextSetting = z.string().max(1 << 20);

export const examplesSetting = z
  .int()
  .nonnegative()
  .max(1000)
  .default(0)
  .describe("Few-shot examples before every source: the first training rows [rows].");

const plainPrompt = z.strictObject({
  chat: z
    .literal(false)
    .optional()
    .describe("Plain prompt: the texts below are added unchanged around every source."),
  instruction: promptTextSetting
    .default("")
    .describe("Text at the start of the prompt, before the examples."),
  before: promptTextSetting.default("").describe("Text before every source, including sources of examples."),
  after: promptTextSetting
    .min(1)
    .default("\n")
    .describe("Text between source and target. Its last token starts the target."),
  end: promptTextSetting
    .min(1)
    .optional()
    .describe(
      "Text after the target of every example. Its first token ends generated targets. Default: a line break with examples, " +
        "otherwise the teacher's EOS.",
    ),
  examples: examplesSetting,
});

const chatPrompt = z.strictObject({
  chat: z
    .literal(true)
    .describe(
      "Chat prompt: sources are user messages and targets are assistant messages of the model's chat template.",
    ),
  template: z
    .string()
    .min(1)
    .optional()
    .describe("Name of the template, if the model has several. Default: the model's default template."),
  system: promptTextSetting.min(1).optional().describe("System message."),
  before: promptTextSetting.default("").describe("Text before every source in the user's message."),
  after: promptTextSetting.default("").describe("Text after every source in the user's message."),
  variables: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe("More variables for the template, such as enable_thinking: false."),
  examples: examplesSetting,
});

export const promptConfig = z.discriminatedUnion("chat", [plainPrompt, chatPrompt]);

export type PromptConfig = z.infer<typeof promptConfig>;
export type PlainPromptConfig = z.infer<typeof plainPrompt>;
export type ChatPromptConfig = z.infer<typeof chatPrompt>;
