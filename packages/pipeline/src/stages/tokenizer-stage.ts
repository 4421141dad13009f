/** Stage `tokenizer`: trains a tokenizer on the training rows, or takes the tokenizer of a published model. */
import { DATA_FILES, readRows, readSources, textRow, type Row } from "@slm/data";
import {
  tokenizerConfig,
  trainTokenizer,
  vocabularySize,
  writeTokenizer,
  type PruneReport,
  type TokenizerConfig,
} from "@slm/tokenizer";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineStage } from "../stage/stage.js";
import { pretrainedFiles, pretrainedTokenizer } from "./pretrained-tokenizer.js";
import { requireInput } from "./require-input.js";

export interface TokenizerReport {
  /** Number of rows that it was trained on, including unlabelled sources. */
  readonly rows: number;
  /** Number of tokens, including special tokens. */
  readonly vocab: number;
  readonly rejected: readonly { readonly line: number; readonly reason: string }[];
  /** Result of pruning, if the vocabulary was pruned. */
  readonly pruned?: PruneReport | undefined;
}

export const tokenizerStage = defineStage<TokenizerConfig>({
  name: "tokenizer",
  summary: "the vocabulary, trained on the training rows or taken from a published model",
  section: tokenizerConfig,
  kind: "tokenizer",
  revision: 1,
  inputs: [{ stage: "data", required: true }],
  files: (settings, request) => (settings.kind === "pretrained" ? pretrainedFiles(settings, request) : []),
  run: async ({ settings, inputs, work, ...context }): Promise<TokenizerReport> => {
    const dataDirectory = requireInput(inputs, "data");
    if (settings.kind === "pretrained") {
      const { files, rows, pruned } = await pretrainedTokenizer(settings, dataDirectory, context);
      await writeTokenizer(files, work);
      return { rows, vocab: vocabularySize(files), rejected: [], pruned };
    }
    let rows = 0;
    const files = await trainTokenizer(
      textsOf(dataDirectory, settings.unlabelled === true, () => rows++),
      settings,
    );
    await writeTokenizer(files, work);
    return { rows, vocab: Object.keys(files.tokenizer.model.vocab).length, rejected: [] };
  },
});

/**
 * The training rows, then the unlabelled sources if the settings include them. A row with a `teacherSource` is returned a second time with
 * that source.
 */
async function* textsOf(
  dataDirectory: string,
  withUnlabelled: boolean,
  onRow: () => void,
): AsyncGenerator<Pick<Row, "source" | "target">> {
  for await (const row of readRows(join(dataDirectory, DATA_FILES.train))) {
    onRow();
    yield row;
    if (row.teacherSource !== undefined) yield textRow(row);
  }
  const unlabelled = join(dataDirectory, DATA_FILES.unlabelled);
  if (!withUnlabelled || !existsSync(unlabelled)) return;
  for await (const source of readSources(unlabelled)) {
    onRow();
    yield { source, target: "" };
  }
}
