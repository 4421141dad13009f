/** Stage `tokenizer`: a tokenizer trained on the training rows, or that of a published model. */
import { DATA_FILES, readRows, textRow, type Row } from "@slm/data";
import {
  tokenizerConfig,
  trainTokenizer,
  vocabularySize,
  writeTokenizer,
  type PruneReport,
  type TokenizerConfig,
} from "@slm/tokenizer";
import { join } from "node:path";
import { defineStage } from "../pipeline/stage.js";
import { pretrainedFiles, pretrainedTokenizer } from "./pretrained-tokenizer.js";
import { requireInput } from "./require-input.js";

export interface TokenizerReport {
  /** Rows it was trained on. */
  readonly rows: number;
  /** Entries, special tokens included. */
  readonly vocab: number;
  readonly rejected: readonly { readonly line: number; readonly reason: string }[];
  /** What pruning did, if there was any. */
  readonly pruned?: PruneReport | undefined;
}

export const tokenizerStage = defineStage<TokenizerConfig>({
  name: "tokenizer",
  summary: "the vocabulary: learnt from the training rows, or a published model's",
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
      counted(readRows(join(dataDirectory, DATA_FILES.train)), () => rows++),
      settings,
    );
    await writeTokenizer(files, work);
    return { rows, vocab: Object.keys(files.tokenizer.model.vocab).length, rejected: [] };
  },
});

/** Streams the rows and reports progress. A row with a `teacherSource` is also given with that source. */
async function* counted(rows: AsyncIterable<Row>, onRow: () => void): AsyncGenerator<Row> {
  for await (const row of rows) {
    onRow();
    yield row;
    if (row.teacherSource !== undefined) yield textRow(row);
  }
}
