/** Settings of a teacher served by an OpenAI-compatible API. */
import { z } from "zod";
import { examplesSetting, promptTextSetting } from "@slm/teacher";

const chatMessages = z.strictObject({
  chat: z
    .literal(true)
    .optional()
    .describe("Chat: sources are user messages, targets are assistant messages (POST /chat/completions)."),
  system: promptTextSetting.min(1).optional().describe("System message."),
  before: promptTextSetting.default("").describe("Text before every source in the user message."),
  after: promptTextSetting.default("").describe("Text after every source in the user message."),
  examples: examplesSetting,
});

const plainText = z.strictObject({
  chat: z
    .literal(false)
    .describe("Plain prompt: these texts are added around every source (POST /completions)."),
  instruction: promptTextSetting
    .default("")
    .describe("Text at the beginning of the prompt, before the examples."),
  before: promptTextSetting.default("").describe("Text before every source, also in examples."),
  after: promptTextSetting.min(1).default("\n").describe("Text between source and target."),
  end: promptTextSetting
    .min(1)
    .optional()
    .describe(
      "Text after the target of every example. It also ends generated targets. Default: a line break with examples, otherwise none.",
    ),
  examples: examplesSetting,
});

const apiPrompt = z.discriminatedUnion("chat", [chatMessages, plainText]);

/** Request fields that slm sets, so `extra` must not contain them. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...["model", "messages", "prompt", "n", "best_of", "echo", "stream", "stream_options", "stop"],
  ...["max_tokens", "max_completion_tokens", "temperature", "seed", "logprobs", "top_logprobs"],
]);

/** The problem of a server's address; undefined if it is valid. */
function addressProblem(address: string): string | undefined {
  if (!URL.canParse(address)) return "expected an address, such as http://127.0.0.1:8080/v1";
  const { protocol, username, password, search, hash } = new URL(address);
  if (protocol !== "http:" && protocol !== "https:") return `expected http or https, got ${protocol}`;
  if (username !== "" || password !== "")
    return "expected no user or password; name an environment variable in apiKeyEnv";
  return search === "" && hash === "" ? undefined : "expected no query and no fragment";
}

/** Settings that affect the answers. */
export const apiRequestFields = {
  baseUrl: z
    .string()
    .max(2048)
    .superRefine((address, context) => {
      const problem = addressProblem(address);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    })
    .describe("Address of the server's OpenAI-compatible API, such as http://127.0.0.1:8080/v1."),
  model: z.string().min(1).max(512).describe("Name of the model on the server."),
  maxTokens: z.int().positive().max(1_000_000).default(256).describe("Longest target [tokens]."),
  maxTokensField: z
    .enum(["max_tokens", "max_completion_tokens"])
    .default("max_tokens")
    .describe(
      "Request field for maxTokens. Use max_completion_tokens for OpenAI models that reject max_tokens; no temperature is sent then.",
    ),
  stop: z.array(z.string().min(1).max(256)).max(16).default([]).describe("Texts that end a target."),
  extra: z
    .record(z.string().min(1), z.json())
    .default({})
    .superRefine((fields, context) => {
      for (const field of Object.keys(fields).filter((name) => OWN_FIELDS.has(name)))
        context.addIssue({
          code: "custom",
          path: [field],
          message: "is a field that other settings control",
        });
    })
    .describe(
      "Additional request fields, such as chat_template_kwargs: { enable_thinking: false } or reasoning_effort: low.",
    ),
};

/** Settings for requests. They do not affect the answers. */
export const apiLimitFields = {
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of an environment variable, not a key")
    .optional()
    .describe("Environment variable with the server's key. It is read when a request is sent."),
  concurrency: z.int().positive().max(256).default(4).describe("Number of concurrent requests."),
  timeoutSeconds: z
    .number()
    .positive()
    .max(300)
    .default(120)
    .describe("Longest time without data from the server [s]."),
  budget: z
    .int()
    .positive()
    .optional()
    .describe(
      "Limit of input and output tokens. All answers that the stage uses count, also from earlier runs. The stage stops before a request " +
        "that could exceed the limit.",
    ),
};

export const apiTeacher = z
  .strictObject({
    kind: z.literal("api").describe("A model that labels sources through an OpenAI-compatible API."),
    ...apiRequestFields,
    prompt: apiPrompt.prefault({}).describe("Prompt around every source."),
    ...apiLimitFields,
  })
  .superRefine(({ apiKeyEnv, baseUrl }, context) => {
    if (apiKeyEnv !== undefined && URL.canParse(baseUrl) && !protectsKey(new URL(baseUrl)))
      context.addIssue({
        code: "custom",
        path: ["baseUrl"],
        message:
          "expected https, because the key would be sent unencrypted (http is accepted on this machine)",
      });
  });

/** Whether a key may be sent to the address: over https, or to this machine. */
function protectsKey({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || /^(localhost|127(\.\d+){3}|\[::1\])$/u.test(hostname);
}

export type ApiTeacherConfig = z.infer<typeof apiTeacher>;
