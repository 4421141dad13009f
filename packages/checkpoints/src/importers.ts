/** Model formats that can be imported in addition to Hugging Face directories. */
import type { Stats } from "node:fs";
import { ExtensionTable } from "@slm/core";
import type { LexicalShortlist } from "@slm/generation";
import type { TokenizerFiles } from "@slm/tokenizer";
import type { ExternalCheckpoint } from "./external-checkpoint.js";

/** A model in another format with its tokenizer, as the format's reader returns it. */
export interface ExternalModel {
  readonly checkpoint: ExternalCheckpoint;
  readonly tokenizer: TokenizerFiles;
  /** Likely target tokens of each source token, for models that are decoded with a lexical shortlist. */
  readonly shortlist?: LexicalShortlist | undefined;
}

/** Reads models of one format. */
export interface Importer {
  /** Whether a path is a model in this format, by its name and kind. The first importer that returns true reads it. */
  readonly fits: (source: string, status: Stats) => boolean;
  /** @throws SlmError with the file, setting or tensor that is missing, corrupt or not supported */
  readonly open: (source: string) => Promise<ExternalModel>;
  /** The files of the model. A stage runs again when one of them changes. Default: the path itself. */
  readonly files?: ((source: string) => readonly string[]) | undefined;
}

/** Importers by name; extensions add importers. */
export const IMPORTERS = new ExtensionTable<Importer>("importers", {});
