/** The prompts of `slm bench`, which runs outside a recipe. */
import { readDeviceModel } from "@slm/exported-model";
import { createRandom } from "@slm/decoding";
import { SlmError } from "@slm/core/errors";
import { TOKENIZER_FILE, loadTokenizer, readTokenizerFiles, type Tokenizer } from "@slm/tokenizer";
import { join } from "node:path";
import type { FileSettings } from "@slm/data";
import { rowSettingsFor } from "./row-settings.js";
import { promptsFromFile, type BenchPrompts } from "./bench-setup.js";

export interface PromptChoice {
  readonly data?: string | undefined;
  /** How to read `data`. Default: as the model's recipe read its rows. */
  readonly rows?: FileSettings | undefined;
  readonly prompt: readonly string[];
  /** Image that every prompt is about. */
  readonly image?: string | undefined;
  /** Directory of an exported model, whose tokens random prompts are made of. */
  readonly model: string;
  readonly count: number;
  readonly seed: number;
}

/** Rows of `--data` with their images, the texts of `--prompt`, or random ones. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function choosePrompts({
  data,
  rows,
  prompt,
  image,
  model,
  count,
  seed,
}: PromptChoice): Promise<BenchPrompts> {
  if (data !== undefined) {
    const settings = await rowSettingsFor({ file: data, model, needed: "rows", given: rows });
    return promptsFromFile(data, count, seed, settings);
  }
  const texts = prompt.length > 0 ? prompt : await randomPrompts(model, count, seed);
  const prompts = image === undefined ? texts : texts.map((text) => ({ text, image }));
  return { prompts, answerTokens: undefined };
}

/** Tokens of a random prompt, capped by the model's source limit. */
const PROMPT_SYMBOLS = 8;

/** Random texts of the model's source tokens. Only their lengths matter for speed. */
async function randomPrompts(model: string, count: number, seed: number): Promise<readonly string[]> {
  const tokenizer = await loadTokenizer(model);
  const { vocab } = (await readTokenizerFiles(model)).tokenizer.model;
  const words = Array.isArray(vocab)
    ? vocab.map(([text]: readonly [string, number]) => text)
    : Object.keys(vocab);
  const symbols = words.filter((word) => /^\p{L}$/u.test(word) && isSource(tokenizer, word));
  if (symbols.length === 0) {
    throw new SlmError(
      "DATA_INVALID",
      `bench: ${join(model, TOKENIZER_FILE)} has no letters to make prompts of`,
      {
        suggestions: ["--data rows.jsonl", "--prompt TEXT"],
      },
    );
  }
  const { maxSource, vision } = await readDeviceModel(model);
  const length = Math.min(PROMPT_SYMBOLS, maxSource - (vision?.tokens ?? 0));
  const random = createRandom(seed);
  const symbol = (): string => symbols[Math.floor(random.next() * symbols.length)]!;
  return Array.from({ length: count }, () => Array.from({ length }, symbol).join(""));
}

function isSource(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.encodeSource(text).length === 1;
  } catch (error) {
    if (error instanceof SlmError) return false; // A token that occurs in targets only.
    throw error;
  }
}
