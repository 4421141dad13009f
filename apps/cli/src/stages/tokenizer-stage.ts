/** Stage `tokenizer`: trains the tokenizer on the training rows. */
import { DATA_FILES, readRows, textRow, type Row } from "@slm/data";
import { tokenizerConfig, trainTokenizer, writeTokenizer, type TokenizerConfig } from "@slm/tokenizer";
import { join } from "node:path";
import { defineStage } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

export interface TokenizerReport {
  /** Rows it was trained on. */
  readonly rows: number;
  /** Entries, special tokens included. */
  readonly vocab: number;
  readonly rejected: readonly { readonly line: number; readonly reason: string }[];
}

export const tokenizerStage = defineStage<TokenizerConfig>({
  name: "tokenizer",
  summary: "the vocabulary of the training rows",
  section: tokenizerConfig,
  kind: "tokenizer",
  revision: 1,
  inputs: [{ stage: "data", required: true }],
  run: async ({ settings, inputs, work }): Promise<TokenizerReport> => {
    let rows = 0;
    const files = await trainTokenizer(
      counted(readRows(join(requireInput(inputs, "data"), DATA_FILES.train)), () => rows++),
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
