/** A published decoder-only model as a checkpoint with its tokenizer. */
import { SlmError } from "@slm/error";
import type { CheckpointDType } from "@slm/model";
import { importConfig, writeImported } from "@slm/model-import";
import { createTokenizer, withPrompt, writeTokenizer } from "@slm/tokenizer";
import { openForeign } from "./open-foreign.js";

export interface ImportTeacherOptions {
  readonly dtype: CheckpointDType;
  /** [tokens] */
  readonly maxSource?: number | undefined;
  readonly maxTarget?: number | undefined;
  /** Text around every source. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface ImportedTeacher {
  readonly parameters: number;
  readonly vocab: number;
  /** Where it came from. */
  readonly source: string;
  readonly architecture: string;
  readonly dtype: CheckpointDType;
}

/**
 * Writes a foreign model as a checkpoint into `work`, which the caller makes appear whole.
 *
 * @throws SlmError naming the file, setting or tensor that is missing, damaged or not imported.
 */
export async function importTeacher(
  source: string,
  work: string,
  { dtype, maxSource, maxTarget, before, after }: ImportTeacherOptions,
): Promise<ImportedTeacher> {
  const { checkpoint, tokenizer: foreign } = await openForeign(source);
  const around = foreign.config.source;
  const files =
    before === undefined && after === undefined
      ? foreign
      : withPrompt(foreign, { before: before ?? around.before ?? "", after: after ?? around.after ?? "\n" });
  const tokenizer = createTokenizer(files);
  const options = { maxSource, maxTarget, tokens: tokenizer.tokens };
  const { vocabularySize } = importConfig(checkpoint, { maxSource, maxTarget }).config;
  if (tokenizer.vocabularySize > vocabularySize) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${source}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model only ${vocabularySize} (vocab_size)`,
    );
  }
  const { parameters } = await writeImported(checkpoint, work, { dtype, ...options });
  await writeTokenizer(files, work);
  const [architecture = ""] = checkpoint.config["architectures"] as readonly string[];
  return { parameters, vocab: vocabularySize, source, architecture, dtype };
}
