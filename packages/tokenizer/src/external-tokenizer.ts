/** Reads the tokenizers of published models and fills in missing special tokens. */
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { z } from "zod";
import { createLibrary } from "./library/library.js";
import { vocabularySize } from "./library/library-tokenizer.js";
import { tokenName } from "./prompt.js";
import { readJson } from "./files/read-json.js";
import {
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  tokenizerConfigJsonSchema,
  tokenizerJsonSchema,
  type TokenizerFiles,
  type TokenizerJson,
} from "./files/tokenizer-files.js";

/** Special token ids from the model's own configuration, for tokenizers that do not name their special tokens. */
export interface ExternalSpecialTokens {
  readonly eos?: number | undefined;
}

const mark = z
  .union([z.string().min(1), z.looseObject({ content: z.string().min(1) })])
  .transform((value) => (typeof value === "string" ? value : value.content))
  .nullish();

const externalConfigSchema = z.looseObject({
  pad_token: mark,
  bos_token: mark,
  eos_token: mark,
  unk_token: mark,
});

/** Default text after a source: targets start on a new line. */
const DEFAULT_AFTER = "\n";

/**
 * Reads `tokenizer.json` and `tokenizer_config.json` of a published model. A missing padding or BOS token defaults to EOS, a missing unknown
 * token to padding, which never occurs in texts. Sources start with BOS if the tokenizer adds one itself, and end with a line break if a line
 * break has tokens.
 *
 * @throws SlmError INPUT_MISSING without the files, as for models that only have `tokenizer.model`; DATA_INVALID if they are invalid or have no
 * EOS token.
 */
export async function readExternalTokenizer(
  directory: string,
  marks: ExternalSpecialTokens = {},
): Promise<TokenizerFiles> {
  const tokenizer = await readJson(join(directory, TOKENIZER_FILE), tokenizerJsonSchema);
  const external = await readJson(join(directory, TOKENIZER_CONFIG_FILE), externalConfigSchema);
  return completeTokenizer(tokenizer, external, marks, directory);
}

/**
 * Like {@link readExternalTokenizer}, for files in memory.
 *
 * @param external the content of `tokenizer_config.json`; its special tokens may be absent.
 */
export function completeTokenizer(
  tokenizer: TokenizerJson,
  external: Readonly<Record<string, unknown>>,
  { eos: eosId }: ExternalSpecialTokens,
  where: string,
): TokenizerFiles {
  const named = externalConfigSchema.parse(external);
  const eos = named.eos_token ?? (eosId === undefined ? undefined : tokenName({ tokenizer }, eosId));
  if (eos === undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: ${where}: there is no eos_token, so generation would never end`,
    );
  }
  const pad = named.pad_token ?? eos;
  const marks = {
    pad_token: pad,
    bos_token: named.bos_token ?? eos,
    eos_token: eos,
    unk_token: named.unk_token ?? pad,
  };
  const config = tokenizerConfigJsonSchema.parse({ ...external, ...marks, source: { lowercase: false } });
  const { begins, isAfterRead } = probe({ tokenizer, config });
  const before = named.bos_token != null && begins ? named.bos_token : "";
  const after = isAfterRead ? { after: DEFAULT_AFTER } : {};
  return { tokenizer, config: { ...config, source: { lowercase: false, before, ...after } } };
}

/**
 * Adds unused special tokens for the ids that only the model has, because models round their vocabulary size up.
 *
 * @throws SlmError SHAPE_MISMATCH if the tokenizer has more ids than the model.
 */
export function fillVocabulary(files: TokenizerFiles, size: number, where: string): TokenizerFiles {
  const own = vocabularySize(files);
  if (own > size) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${where}: the tokenizer has ${own} tokens, the model has only ${size}`,
    );
  }
  const added = Array.from({ length: size - own }, (_, index) => ({
    id: own + index,
    content: `[PAD${own + index}]`,
    special: true,
  }));
  const { tokenizer } = files;
  return { ...files, tokenizer: { ...tokenizer, added_tokens: [...tokenizer.added_tokens, ...added] } };
}

interface Habits {
  /** Whether the tokenizer itself adds BOS before a text. */
  readonly begins: boolean;
  /** Whether a line break has tokens: WordPiece drops it, and word-level vocabularies lack it. */
  readonly isAfterRead: boolean;
}

function probe({ tokenizer, config }: TokenizerFiles): Habits {
  try {
    const library = createLibrary(tokenizer, config);
    const [first] = library.encode("a", { add_special_tokens: true }).ids;
    const after = library.encode(DEFAULT_AFTER, { add_special_tokens: false }).ids;
    return {
      begins: first !== undefined && first === library.token_to_id(config.bos_token),
      isAfterRead: after.length > 0 && !after.includes(library.token_to_id(config.unk_token) ?? -1),
    };
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("DATA_INVALID", `tokenizer: cannot build with this tokenizer.json: ${reason}`, {
      cause,
    });
  }
}
