/** Finds the chat template in a model's directory. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { z } from "zod";
import { createChatTemplate, type ChatTemplate } from "./chat-template.js";
import { isThere, readJson, readText } from "../files/read-json.js";
import { TOKENIZER_CONFIG_FILE } from "../files/tokenizer-files.js";

export const CHAT_TEMPLATE_FILE = "chat_template.jinja";

/** Name of the default template if there are several. */
const DEFAULT_NAME = "default";

const token = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .nullish()
  .transform((value) => (typeof value === "string" ? value : (value?.content ?? undefined)));

const templates = z.union([
  z.string(),
  z.array(z.looseObject({ name: z.string(), template: z.string() })).min(1),
]);

/** The fields of `tokenizer_config.json` that chat templates need; all are optional. */
const chatConfig = z.looseObject({
  chat_template: templates.nullish(),
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: token,
  additional_special_tokens: z.array(z.union([z.string(), z.looseObject({ content: z.string() })])).nullish(),
  added_tokens_decoder: z
    .record(z.string(), z.looseObject({ content: z.string(), special: z.boolean().optional() }))
    .nullish(),
});
type ChatConfig = z.infer<typeof chatConfig>;

export interface LoadOptions {
  /** Name of the template, if `tokenizer_config.json` has several. Default: `default`. */
  readonly name?: string | undefined;
}

/**
 * Reads the chat template of a directory: `chat_template.jinja`, otherwise the one in `tokenizer_config.json`. The special tokens come from
 * `tokenizer_config.json`: the template may use them, and messages must not contain them.
 *
 * @throws SlmError INPUT_MISSING if there is no template, or none of that name; DATA_INVALID if it cannot be read or parsed.
 */
export async function loadChatTemplate(
  directory: string,
  { name = DEFAULT_NAME }: LoadOptions = {},
): Promise<ChatTemplate> {
  const configPath = join(directory, TOKENIZER_CONFIG_FILE);
  const config = (await isThere(configPath)) ? await readJson(configPath, chatConfig) : chatConfig.parse({});
  const file = join(directory, CHAT_TEMPLATE_FILE);
  const { source, where } =
    name === DEFAULT_NAME && (await isThere(file))
      ? { source: await readText(file), where: file }
      : { source: templateOf(config, name, directory), where: configPath };
  return createChatTemplate({ source, where, tokens: tokensOf(config), special: specialOf(config) });
}

function templateOf({ chat_template: found }: ChatConfig, name: string, directory: string): string {
  const all = typeof found === "string" ? [{ name: DEFAULT_NAME, template: found }] : (found ?? []);
  const template = all.find((candidate) => candidate.name === name)?.template;
  if (template !== undefined) return template;
  const names = all.map((candidate) => candidate.name);
  throw new SlmError(
    "INPUT_MISSING",
    names.length === 0
      ? `chat template: ${directory} has no chat template: expected ${CHAT_TEMPLATE_FILE}, or chat_template in ${TOKENIZER_CONFIG_FILE}`
      : `chat template: ${directory} has no template '${name}'; it has ${names.join(", ")}`,
    { context: { directory, name, names } },
  );
}

const TOKEN_KEYS = ["bos_token", "eos_token", "pad_token", "unk_token"] as const;

function tokensOf(config: ChatConfig): Readonly<Record<string, string>> {
  const named = TOKEN_KEYS.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]] as const]));
  return Object.fromEntries(named);
}

/** The special tokens; empty names are ignored. */
function specialOf(config: ChatConfig): readonly string[] {
  const marked = Object.values(config.added_tokens_decoder ?? {}).filter(({ special }) => special === true);
  const listed = [...(config.additional_special_tokens ?? []), ...marked].map((entry) =>
    typeof entry === "string" ? entry : entry.content,
  );
  return [...new Set([...Object.values(tokensOf(config)), ...listed])].filter((text) => text !== "");
}
