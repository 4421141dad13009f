/** `api.json`: the file that describes a teacher that a server runs. It contains all settings except the key. */
import { join } from "node:path";
import { hashJson, readJsonFile, writeJsonAtomic } from "@slm/core";
import type { Row } from "@slm/data";
import { z } from "zod";
import { API_FILE, promptText } from "@slm/teacher";
import { apiLimitFields, apiRequestFields, type ApiTeacherConfig } from "./api-config.js";

const message = z.strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string() });
type ApiMessage = z.infer<typeof message>;

/** The text around a source, including examples. */
const resolvedPrompt = z.discriminatedUnion("chat", [
  z.strictObject({
    chat: z.literal(true),
    /** Messages before the one with the source. */
    messages: z.array(message),
    before: z.string(),
    after: z.string(),
  }),
  z.strictObject({ chat: z.literal(false), before: z.string(), after: z.string() }),
]);

const apiFile = z.strictObject({
  version: z.literal(1),
  request: z.strictObject({ ...apiRequestFields, stop: z.array(z.string()), prompt: resolvedPrompt }),
  limits: z.strictObject(apiLimitFields),
});

export type ApiFile = z.infer<typeof apiFile>;
/** Settings that affect the answers. */
export type ApiRequest = ApiFile["request"];
/** Settings for requests. */
export type ApiLimits = ApiFile["limits"];

/** The contents of `api.json` for settings and the rows of their few-shot examples. */
export function apiFileOf(settings: ApiTeacherConfig, rows: readonly Row[]): ApiFile {
  const { baseUrl, model, maxTokens, extra, prompt } = settings;
  const { apiKeyEnv, concurrency, budget } = settings;
  const { resolved, stop } = resolvePrompt(prompt, rows);
  return {
    version: 1,
    request: {
      baseUrl,
      model,
      maxTokens,
      extra,
      stop: [...stop],
      prompt: resolved,
    },
    limits: { apiKeyEnv, concurrency, budget },
  };
}

interface Resolved {
  readonly resolved: ApiRequest["prompt"];
  /** Texts that end a target with this prompt. */
  readonly stop: readonly string[];
}

function resolvePrompt(prompt: ApiTeacherConfig["prompt"], rows: readonly Row[]): Resolved {
  if (prompt.chat === false) {
    const { before, after, end } = promptText(prompt, rows);
    return { resolved: { chat: false, before, after }, stop: end === undefined ? [] : [end] };
  }
  const { instruction, before, after } = prompt;
  const messages: ApiMessage[] = instruction === "" ? [] : [{ role: "system", content: instruction }];
  for (const { source, target } of rows) {
    messages.push({ role: "user", content: `${before}${source}${after}` });
    messages.push({ role: "assistant", content: target });
  }
  return { resolved: { chat: true, messages, before, after }, stop: [] };
}

/** @throws SlmError OUTPUT_FAILED */
export async function writeApiFile(directory: string, file: ApiFile): Promise<void> {
  await writeJsonAtomic(join(directory, API_FILE), file);
}

/** @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readApiFile(directory: string): Promise<ApiFile> {
  return readJsonFile(join(directory, API_FILE), apiFile);
}

/** Identifies the answers. Limits do not affect it. */
export const apiIdentity = ({ request }: ApiFile): string => hashJson(request);
