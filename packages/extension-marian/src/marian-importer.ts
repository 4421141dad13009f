/** Imports directories with a model in Marian's own format, such as Firefox's translation models. */
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
  // Marian has no start token. The decoder may copy source tokens, because source and target share a vocabulary.
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

/** Lists every file of the directory, because the settings decide which of them are read. */
function marianPaths(source: string): readonly string[] {
  return readdirSync(source, { withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [join(source, entry.name)] : []))
    .sort();
}
