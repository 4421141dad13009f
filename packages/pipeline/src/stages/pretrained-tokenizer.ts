/** Takes the tokenizer of a published model and keeps only the tokens that the run's texts use. */
import { DATA_FILES, readRows, readSources, textRow } from "@slm/data";
import { resolveCached, resolveModel } from "@slm/checkpoints";
import type { StageContext } from "@slm/core";
import {
  bareTokenizer,
  pruneTokenizer,
  type CorpusText,
  type PretrainedTokenizerConfig,
  type PruneConfig,
  type PruneReport,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { externalTokenizerFiles, openExternalTokenizer } from "@slm/models/published";
import type { FilesRequest, StageFile } from "../stage/plan-request.js";

export interface PretrainedTokenizer {
  readonly files: TokenizerFiles;
  /** Number of training rows that were read. */
  readonly rows: number;
  readonly pruned: PruneReport | undefined;
}

/**
 * Reads the training rows and the unlabelled sources if the vocabulary is pruned.
 *
 * @throws SlmError as resolving and opening the model and `pruneTokenizer`.
 */
export async function pretrainedTokenizer(
  { model, prune }: PretrainedTokenizerConfig,
  dataDirectory: string,
  context: StageContext,
): Promise<PretrainedTokenizer> {
  const { path } = await resolveModel(model, context);
  const whole = await openExternalTokenizer(path);
  if (prune === undefined) return { files: bareTokenizer(whole), rows: 0, pruned: undefined };
  return pruneToRows(whole, prune, dataDirectory);
}

/**
 * Prunes a tokenizer to the tokens of the run's rows.
 *
 * @throws SlmError as `pruneTokenizer`.
 */
export async function pruneToRows(
  whole: TokenizerFiles,
  prune: PruneConfig,
  dataDirectory: string,
): Promise<PretrainedTokenizer & { readonly pruned: PruneReport }> {
  let rows = 0;
  const corpus = (): AsyncIterable<CorpusText> => {
    rows = 0;
    return textsOf(dataDirectory, () => rows++);
  };
  const { files, report } = await pruneTokenizer(whole, prune, corpus);
  return { files, rows, pruned: report };
}

/** Texts of the training rows in the student's and the teacher's form, and the unlabelled sources. */
async function* textsOf(dataDirectory: string, onRow: () => void): AsyncGenerator<CorpusText> {
  for await (const row of readRows(join(dataDirectory, DATA_FILES.train))) {
    onRow();
    const { source, target } = row;
    yield { side: "source", text: source };
    if (row.teacherSource !== undefined) yield { side: "source", text: textRow(row).source };
    yield { side: "target", text: target };
  }
  const unlabelled = join(dataDirectory, DATA_FILES.unlabelled);
  if (!existsSync(unlabelled)) return;
  for await (const text of readSources(unlabelled)) yield { side: "source", text };
}

/** The tokenizer's files outside the run. */
export async function pretrainedFiles(
  { model }: PretrainedTokenizerConfig,
  request: FilesRequest,
): Promise<readonly StageFile[]> {
  const found = await (request.mayFetch ? resolveModel : resolveCached)(model, request);
  const files = found === undefined ? [] : await externalTokenizerFiles(found.path);
  return files.map((path) => ({ setting: `pretrained/${basename(path)}`, path }));
}
