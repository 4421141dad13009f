/** A published decoder-only model as a checkpoint with its tokenizer. */
import { SlmError } from "@slm/error";
import type { CheckpointDType, ForeignCheckpoint } from "@slm/model";
import { importConfig, readHuggingFaceDirectory, writeImported } from "@slm/model-import";
import {
  createTokenizer,
  readForeignTokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  withPrompt,
  writeTokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { readdirSync } from "node:fs";
import { join } from "node:path";

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

/** A foreign model with its tokenizer, as its format's reader gives them. */
interface ForeignModel {
  readonly checkpoint: ForeignCheckpoint;
  readonly tokenizer: TokenizerFiles;
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

async function openForeign(source: string): Promise<ForeignModel> {
  const checkpoint = await readHuggingFaceDirectory(source);
  const eos = checkpoint.config["eos_token_id"];
  const first: unknown = Array.isArray(eos) ? eos[0] : eos;
  const tokenizer = await readForeignTokenizer(source, typeof first === "number" ? { eos: first } : {});
  return { checkpoint, tokenizer };
}

/** Files that a foreign model is read from; without a directory those that it would need. */
export function foreignFiles(source: string): readonly string[] {
  const wanted = ["config.json", TOKENIZER_FILE, TOKENIZER_CONFIG_FILE];
  return [...wanted, ...weightFiles(source)].map((file) => join(source, file));
}

function weightFiles(source: string): readonly string[] {
  try {
    return readdirSync(source)
      .filter((file) => file.endsWith(".safetensors") || file.endsWith(".safetensors.index.json"))
      .sort();
  } catch {
    // Not a directory: what is missing is named when the first of its files is looked for.
    return [];
  }
}
