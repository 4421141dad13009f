/** Writes a prompt to a teacher's directory, so that its tokenizer adds the prompt around every source. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DATA_FILES, readRows, type Row } from "@slm/data";
import { SlmError } from "@slm/core";
import { readModelConfig, writeModelConfig } from "@slm/checkpoints";
import {
  createTokenizer,
  loadChatTemplate,
  readTokenizerFiles,
  withPrompt,
  writeTokenizer,
  type SourcePrompt,
  type SpecialTokenIds,
} from "@slm/tokenizer";
import { GRAPH_FILE, readGraphFile, writeGraphFile } from "../graph/graph-file.js";
import { chatPromptText } from "./chat-prompt.js";
import type { PlainPromptConfig, PromptConfig } from "../config/prompt-config.js";

/** Text after the target of an example; it then also ends generated targets. */
const EXAMPLE_END = "\n";

/**
 * Adds a prompt around the sources of the model in `directory`: changes `tokenizer_config.json`, and the special tokens in
 * `config.json` of a checkpoint or `graph.json` of a graph.
 *
 * @throws SlmError CONFIG_INVALID for a symbol tokenizer, or a prompt that leaves no room for a source; INPUT_MISSING for a model without
 * the requested chat template; DATA_INVALID for too few rows or an unusable template; and errors of reading the files.
 */
export async function applyPrompt(
  directory: string,
  prompt: PromptConfig,
  dataDirectory: string,
): Promise<void> {
  const rows = await exampleRows(prompt.examples, dataDirectory);
  const around =
    prompt.chat === true
      ? chatPromptText(await loadChatTemplate(directory), prompt, rows)
      : promptText(prompt, rows);
  const files = withPrompt(await readTokenizerFiles(directory), around);
  const tokenizer = createTokenizer(files);
  const described = await describedModel(directory);
  const used = tokenizer.encodeSource("a").length;
  if (used >= described.maxSource) {
    const { maxSource } = described;
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: the prompt uses ${used} of the teacher's ${maxSource} source tokens, which leaves no room for a source`,
      { context: { used, maxSource }, suggestions: ["--set teacher.prompt.examples=0"] },
    );
  }
  await writeTokenizer(files, directory);
  await described.write(tokenizer.tokens);
}

/** The file with the special tokens of the model (a checkpoint or a graph). */
async function describedModel(directory: string): Promise<{
  readonly maxSource: number;
  readonly write: (tokens: SpecialTokenIds) => Promise<void>;
}> {
  if (existsSync(join(directory, GRAPH_FILE))) {
    const file = await readGraphFile(directory);
    return {
      maxSource: file.maxSource,
      write: (tokens) => writeGraphFile(directory, { ...file, tokens }),
    };
  }
  const config = await readModelConfig(directory);
  return {
    maxSource: config.maxSource,
    write: (tokens) => writeModelConfig(directory, { ...config, tokens }),
  };
}

/** The text around every source of a plain prompt. */
export function promptText(
  {
    instruction,
    before,
    after,
    examples,
  }: Pick<PlainPromptConfig, "instruction" | "before" | "after" | "examples">,
  rows: readonly Row[],
): SourcePrompt {
  const shown = rows.map(({ source, target }) => `${before}${source}${after}${target}${EXAMPLE_END}`);
  const end = examples > 0 ? EXAMPLE_END : undefined;
  return { before: `${instruction}${shown.join("")}${before}`, after, end };
}

/** The first training rows. @throws SlmError DATA_INVALID if there are fewer */
export async function exampleRows(count: number, dataDirectory: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  if (count === 0) return rows;
  const file = join(dataDirectory, DATA_FILES.train);
  for await (const row of readRows(file)) {
    rows.push(row);
    if (rows.length === count) return rows;
  }
  throw new SlmError(
    "DATA_INVALID",
    `${file}: teacher.prompt.examples requires ${count} rows, but there are only ${rows.length}`,
  );
}
