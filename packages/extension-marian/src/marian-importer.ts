/** Imports directories with a model in Marian's own format, which Firefox uses for translation. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  extendedShortlist,
  importedConfig,
  withSourceTokens,
  type ExternalModel,
  type Importer,
} from "@slm/checkpoints";
import { readMarianTokenizer } from "@slm/tokenizer";
import { isMarianDirectory, marianFiles, readMarianModel } from "./marian-directory.js";
import { readMarianShortlist } from "./marian-shortlist.js";

export const marian: Importer = {
  fits: (source, status) => status.isDirectory() && isMarianDirectory(source),
  open: openMarian,
  files: marianPaths,
};

async function openMarian(source: string): Promise<ExternalModel> {
  const files = await marianFiles(source);
  const checkpoint = await readMarianModel(files);
  const { vocabularySize } = importedConfig(checkpoint);
  const tokenizer = await readMarianTokenizer(files.vocabulary, vocabularySize);
  // The decoder's start token is not in Marian's vocabulary. The decoder may copy source tokens, because both sides share the vocabulary.
  const list =
    files.shortlist === undefined
      ? undefined
      : await readMarianShortlist(files.shortlist, vocabularySize - 1);
  return {
    checkpoint,
    tokenizer,
    shortlist: list && extendedShortlist(withSourceTokens(list), vocabularySize),
  };
}

/** All files of the directory, because the settings of the model decide which of them are read. */
function marianPaths(source: string): readonly string[] {
  return readdirSync(source, { withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [join(source, entry.name)] : []))
    .sort();
}
