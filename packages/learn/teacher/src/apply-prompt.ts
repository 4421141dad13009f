/** Writes a prompt into a teacher's directory: from then on its tokenizer puts it around every source. */
import { join } from "node:path";
import { DATA_FILES, readRows, type Row } from "@slm/data";
import { SlmError } from "@slm/error";
import { readModelConfig, writeModelConfig } from "@slm/model";
import {
  createTokenizer,
  readTokenizerFiles,
  withPrompt,
  writeTokenizer,
  type SourcePrompt,
} from "@slm/tokenizer";
import type { PromptConfig } from "./prompt-config.js";

/** What ends a target where there are examples and the settings name nothing. */
const EXAMPLE_END = "\n";

/**
 * Puts a prompt around the sources of a checkpoint in `directory`: changes `tokenizer_config.json`, and the marks in
 * `config.json`.
 *
 * @throws SlmError CONFIG_INVALID for a symbol tokenizer, or a prompt that leaves no room for a source; DATA_INVALID for
 * too few rows, and as reading the files throws.
 */
export async function applyPrompt(
  directory: string,
  prompt: PromptConfig,
  dataDirectory: string,
): Promise<void> {
  const around = promptText(prompt, await exampleRows(prompt.examples, dataDirectory));
  const files = withPrompt(await readTokenizerFiles(directory), around);
  const tokenizer = createTokenizer(files);
  const config = await readModelConfig(directory);
  const used = tokenizer.encodeSource("a").length;
  if (used >= config.maxSource) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: the prompt takes ${used} tokens of the ${config.maxSource} that the teacher reads as source`,
      { context: { used, maxSource: config.maxSource }, suggestions: ["--set teacher.prompt.examples=0"] },
    );
  }
  await writeTokenizer(files, directory);
  await writeModelConfig(directory, { ...config, tokens: tokenizer.tokens });
}

/** The text around every source. */
export function promptText(
  { instruction, before, after, end, examples }: PromptConfig,
  rows: readonly Row[],
): SourcePrompt {
  const stop = end ?? (examples > 0 ? EXAMPLE_END : undefined);
  const shown = rows.map(({ source, target }) => `${before}${source}${after}${target}${stop ?? ""}`);
  return { before: `${instruction}${shown.join("")}${before}`, after, end: stop };
}

async function exampleRows(count: number, dataDirectory: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  if (count === 0) return rows;
  const file = join(dataDirectory, DATA_FILES.train);
  for await (const row of readRows(file)) {
    rows.push(row);
    if (rows.length === count) return rows;
  }
  throw new SlmError(
    "DATA_INVALID",
    `${file}: teacher.prompt.examples asks for ${count} rows, there are ${rows.length}`,
  );
}
