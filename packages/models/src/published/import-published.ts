/** Converts a published model to a checkpoint with its tokenizer. */
import {
  importedConfig,
  isPublishedEncoderDecoder,
  writeImported,
  writeLexicalShortlist,
  type CheckpointDType,
} from "@slm/checkpoints";
import {
  createTokenizer,
  fillVocabulary,
  shareVocabulary,
  withPrompt,
  writeTokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { chatTemplateFiles, openExternal } from "./open-external.js";

export interface ImportModelOptions {
  readonly dtype: CheckpointDType;
  /** [tokens] */
  readonly maxSource?: number | undefined;
  readonly maxTarget?: number | undefined;
  /** Text around every source. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Tokenizer of the result; only its tokens are kept. Default: the model's own vocabulary. */
  readonly vocabulary?: TokenizerFiles | undefined;
}

export interface ImportedModel {
  readonly parameters: number;
  readonly vocab: number;
  /** Where the model came from. */
  readonly source: string;
  readonly architecture: string;
  readonly dtype: CheckpointDType;
}

/** Writes an external model as a checkpoint into `work`. The caller renames the directory when it is complete.
 *
 * @throws SlmError naming the file, setting or tensor that is missing, corrupt or not supported.
 */
export async function importModel(
  source: string,
  work: string,
  { dtype, maxSource, maxTarget, before, after, vocabulary }: ImportModelOptions,
): Promise<ImportedModel> {
  const { checkpoint, tokenizer: external, shortlist } = await openExternal(source);
  const around = external.config.source;
  const files =
    before === undefined && after === undefined
      ? external
      : withPrompt(external, { before: before ?? around.before ?? "", after: after ?? around.after ?? "\n" });
  const whole = fillVocabulary(
    files,
    importedConfig(checkpoint, { maxSource, maxTarget }).vocabularySize,
    source,
  );
  const shared = vocabulary && shareVocabulary(whole, vocabulary, source);
  const written = shared?.files ?? whole;
  const { tokens, vocabularySize: vocab } = createTokenizer(written);
  const { parameters } = await writeImported(checkpoint, work, {
    dtype,
    maxSource,
    maxTarget,
    // An encoder-decoder's start and end tokens come from its configuration; tokenizers only name the tokens of texts.
    tokens: isPublishedEncoderDecoder(checkpoint) ? undefined : tokens,
    vocabulary: shared?.ids,
  });
  await writeTokenizer(written, work);
  // The list contains ids of the model's own vocabulary.
  if (shortlist !== undefined && shared === undefined) await writeLexicalShortlist(work, shortlist);
  for (const file of chatTemplateFiles(source)) await copyFile(join(source, file), join(work, file));
  const [architecture = ""] = checkpoint.config["architectures"] as readonly string[];
  return { parameters, vocab, source, architecture, dtype };
}
