/** Settings of a teacher served by an OpenAI-compatible API. */
import { z } from "zod";
import { chatAfter, plainAfter, promptFields } from "@slm/teacher";

const chatMessages = z.strictObject({
  chat: z
    .literal(true)
    .optional()
    .describe("Chat: sources are user messages, targets are assistant messages (POST /chat/completions)."),
  ...promptFields,
  after: chatAfter,
});

const plainText = z.strictObject({
  chat: z
    .literal(false)
    .describe("Plain prompt: these texts are added around every source (POST /completions)."),
  ...promptFields,
  after: plainAfter,
});

const apiPrompt = z.discriminatedUnion("chat", [chatMessages, plainText]);

/** Largest limit of an answer [tokens]. */
const MAX_TOKENS = 1_000_000;
const tokenLimit = z.int().positive().max(MAX_TOKENS);

/** Request fields that slm sets, so `extra` must not contain them. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "prompt",
  "n",
  "best_of",
  "echo",
  "stream",
  "stream_options",
  "max_tokens",
  "temperature",
  "seed",
  "logprobs",
  "top_logprobs",
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
  maxTokens: tokenLimit.default(256).describe("Longest target [tokens]."),
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
      const { max_completion_tokens: limit } = fields;
      if (limit !== undefined && !tokenLimit.safeParse(limit).success)
        context.addIssue({
          code: "custom",
          path: ["max_completion_tokens"],
          message: `expected a number of tokens up to ${MAX_TOKENS}`,
        });
    })
    .describe(
      "Additional request fields, such as stop: ['###'], chat_template_kwargs: { enable_thinking: false } or reasoning_effort: low. " +
        "max_completion_tokens, for models that reject max_tokens, replaces maxTokens, and no temperature is sent.",
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
