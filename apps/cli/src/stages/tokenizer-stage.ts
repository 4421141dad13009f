/** Stage `tokenizer`: the vocabulary of the training rows. */
import { DATA_FILES, readAllRows } from "@slm/data";
import { tokenizerConfig, trainSymbolTokenizer, writeTokenizer, type TokenizerConfig } from "@slm/tokenizer";
import { join } from "node:path";
import { defineStage } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

export interface TokenizerReport {
  /** Rows the vocabulary was made of. */
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
    const rows = await readAllRows(join(requireInput(inputs, "data"), DATA_FILES.train));
    const files = trainSymbolTokenizer({
      sources: rows.map(({ source }) => source),
      targets: rows.map(({ target }) => target),
      sourceLowercase: settings.sourceLowercase,
    });
    await writeTokenizer(files, work);
    return { rows: rows.length, vocab: Object.keys(files.tokenizer.model.vocab).length, rejected: [] };
  },
});
