/** Copies a teacher's checkpoint with fewer tokens: either the run's tokens, or the teacher's own tokens that the run's texts use. */
import { copyWithVocabulary } from "@slm/checkpoints";
import type { ModelConfig } from "@slm/model";
import {
  createTokenizer,
  readTokenizerFiles,
  shareVocabulary,
  SOURCE_MARK,
  writeTokenizer,
  type PruneConfig,
  type PruneReport,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { chatTemplateFiles } from "@slm/models/published";
import { pruneToRows } from "./pretrained-tokenizer.js";

/** What to keep of a teacher's vocabulary in addition to the tokens of rows and prompt. */
export type TeacherPruning = Pick<PruneConfig, "keepFirst">;

/**
 * Copies the checkpoint in `source` to `work` with the tokens of another tokenizer, matched by their texts. The prompt, the end token and
 * the chat template do not change.
 *
 * @throws SlmError as `shareVocabulary`
 */
export async function copyWithTokens(
  source: string,
  vocabulary: TokenizerFiles,
  work: string,
): Promise<ModelConfig> {
  const { files, ids } = shareVocabulary(await readTokenizerFiles(source), vocabulary, source);
  const config = await copyWithVocabulary(source, work, ids, createTokenizer(files).tokens);
  await writeTokenizer(files, work);
  for (const file of chatTemplateFiles(source)) await copyFile(join(source, file), join(work, file));
  return config;
}

/**
 * Copies the checkpoint in `source` to `work` and keeps only the tokens that the rows in `dataDirectory` and its prompt use. The
 * prompt of `source` must be written already.
 *
 * @throws SlmError as `pruneTokenizer`
 */
export async function copyPruned(
  source: string,
  { keepFirst }: TeacherPruning,
  dataDirectory: string,
  work: string,
): Promise<{ readonly config: ModelConfig; readonly pruned: PruneReport }> {
  const own = await readTokenizerFiles(source);
  const { before = "", after = "" } = own.config.source;
  const keep = [`${before}${SOURCE_MARK}${after}`];
  const { files, pruned } = await pruneToRows(own, { keepFirst, keep }, dataDirectory);
  return { config: await copyWithTokens(source, files, work), pruned };
}
