/** The prompts of a benchmark: rows of a file with their answers, given texts, or random texts. */
import { answerRoom, tokensOfAnswer, type BenchPrompt } from "@slm/bench";
import {
  imageFolderOf,
  readFileRows,
  referencesOf,
  shuffledOrder,
  type FileSettings,
  type Row,
} from "@slm/data";
import { describeModel, type ModelDescription } from "@slm/inference";
import { checkLength } from "@slm/inference/limits";
import { readDeviceModel } from "@slm/exported-model";
import { createRandom } from "@slm/generation";
import { SlmError } from "@slm/core/errors";
import { TOKENIZER_FILE, loadTokenizer, readTokenizerFiles, type Tokenizer } from "@slm/tokenizer";
import { join } from "node:path";
import { pathInside } from "../rows/row-images.js";
import { rowSettingsFor } from "../rows/row-settings.js";

export interface BenchPrompts {
  readonly prompts: readonly BenchPrompt[];
  /** First reference answer of each prompt; undefined if the prompts have no answers. */
  readonly answers: readonly string[] | undefined;
  /** Notes about the prompts to print with the figures. */
  readonly notes: readonly string[];
}

interface PromptChoice {
  readonly data?: string | undefined;
  /** How to read `data`. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  readonly prompt: readonly string[];
  /** Image for every prompt. */
  readonly image?: string | undefined;
  /** Directories of exported models. Random prompts use the tokens of the first one. */
  readonly models: readonly string[];
  readonly count: number;
  readonly seed: number;
}

/** Rows of `--data` with their images, the texts of `--prompt`, or random texts. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function choosePrompts({
  data,
  rows,
  prompt,
  image,
  models,
  count,
  seed,
}: PromptChoice): Promise<BenchPrompts> {
  if (data !== undefined) {
    const settings = await rowSettingsFor({ file: data, model: models[0]!, needed: "rows", given: rows });
    return promptsFromFile({ path: data, settings, models, count, seed });
  }
  const isRandom = prompt.length === 0;
  const texts = isRandom ? await randomPrompts(models[0]!, count, seed) : prompt;
  const prompts = image === undefined ? texts : texts.map((text) => ({ text, image }));
  return { prompts, answers: undefined, notes: isRandom ? [RANDOM_NOTE] : [] };
}

const RANDOM_NOTE = "The prompts are short random texts. Use --data FILE to measure with real prompts.";

interface FileChoice {
  /** Rows with answers. Image paths are relative to the file's folder. */
  readonly path: string;
  /** How to read the file. Default: as rows of {source, target}. */
  readonly settings?: FileSettings | undefined;
  /** Directories of exported models. All of them must be able to read a row and to generate its answer. */
  readonly models: readonly string[];
  readonly count: number;
  readonly seed: number;
}

/**
 * Random rows of a file, chosen by the seed, as prompts with their answers. Rows that a model cannot read or answer are left out, and a
 * note says so.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID if the file contains anything but rows, or if the models can use none of its rows
 */
export async function promptsFromFile({
  path,
  settings = {},
  models,
  count,
  seed,
}: FileChoice): Promise<BenchPrompts> {
  const rows = await readFileRows(path, settings);
  const folder = settings.images ?? imageFolderOf(path);
  const readers = await Promise.all(models.map(describeModel));
  const prompts: BenchPrompt[] = [];
  const answers: string[] = [];
  const problems: string[] = [];
  for (const index of shuffledOrder(rows.length, seed, 0)) {
    if (prompts.length === count) break;
    const row = rows[index]!;
    const problem = problemOf(row, readers);
    if (problem === undefined) {
      const { source: text, image } = row;
      prompts.push(image === undefined ? text : { text, image: await pathInside(folder, image) });
      answers.push(answerOf(row));
    } else problems.push(`row ${index + 1}: ${problem}`);
  }
  if (prompts.length === 0)
    throw new SlmError(
      "DATA_INVALID",
      `bench: ${path}: the model cannot use any of the rows; ${problems[0]!}`,
    );
  const notes =
    problems.length === 0
      ? []
      : [`${problems.length} rows were left out because a model cannot read or answer them; ${problems[0]!}`];
  return { prompts, answers, notes };
}

const answerOf = (row: Row): string => referencesOf(row)[0] ?? "";

/** Why one of the models cannot use a row; undefined if all can. */
function problemOf(row: Row, readers: readonly ModelDescription[]): string | undefined {
  try {
    for (const { model, tokenizer } of readers) {
      const source = tokenizer.encodeSource(row.source).length;
      checkLength(source, model, "the source");
      const answer = tokensOfAnswer(answerOf(row), tokenizer);
      const room = answerRoom(model, source);
      if (answer > room) return `the answer has ${answer} tokens, the model generates at most ${room}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof SlmError) return error.message;
    throw error;
  }
}

/** Length of a random prompt [tokens], at most the model's source limit. */
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
      `bench: ${join(model, TOKENIZER_FILE)} has no letters, so random prompts cannot be made`,
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
    if (error instanceof SlmError) return false; // A token of targets only.
    throw error;
  }
}
