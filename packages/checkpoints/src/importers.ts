/** Formats of models that can be imported, besides Hugging Face directories. */
import type { Stats } from "node:fs";
import { ExtensionTable } from "@slm/core";
import type { LexicalShortlist } from "@slm/generation";
import type { TokenizerFiles } from "@slm/tokenizer";
import type { ExternalCheckpoint } from "./external-checkpoint.js";

/** A model in another format with its tokenizer, as the format's reader returns it. */
export interface ExternalModel {
  readonly checkpoint: ExternalCheckpoint;
  readonly tokenizer: TokenizerFiles;
  /** Tokens of the target by tokens of the source, of models that are decoded with such a list. */
  readonly shortlist?: LexicalShortlist | undefined;
}

/** Reads models of one format. */
export interface Importer {
  /** Whether a path is a model of this format, by its name and kind. The first importer that says so reads it. */
  readonly fits: (source: string, status: Stats) => boolean;
  /** @throws SlmError naming the file, setting or tensor that is missing, corrupt or not supported */
  readonly open: (source: string) => Promise<ExternalModel>;
  /** Files that the model is read from: a stage runs again when one of them changes. Default: the path itself. */
  readonly files?: ((source: string) => readonly string[]) | undefined;
}

/** Importers by name; extensions add them. */
export const IMPORTERS = new ExtensionTable<Importer>("importers", {});
