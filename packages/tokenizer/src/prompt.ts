/** Adds a prompt around every source, to instruct a general model. */
import { SlmError } from "@slm/core";
import { createLibrary } from "./library/library.js";
import { tokenTexts } from "./library/token-texts.js";
import type { TokenizerFiles } from "./files/tokenizer-files.js";

export interface SourcePrompt {
  /** Text before every source. */
  readonly before: string;
  /** Text after every source. Targets follow it. */
  readonly after: string;
  /** Text whose first token ends a target, in place of the EOS token. */
  readonly end?: string | undefined;
  /** Whether `before` already contains the start of the text, as in a chat template; then no BOS token is added. */
  readonly isWhole?: boolean | undefined;
}

/**
 * The same tokenizer with text around its sources. A BOS token of sources stays first, unless `isWhole` is set.
 *
 * @throws SlmError CONFIG_INVALID for a symbol tokenizer, which has only the symbols of its task, and for an `end` without tokens.
 */
export function withPrompt(
  files: TokenizerFiles,
  { before, after, end, isWhole = false }: SourcePrompt,
): TokenizerFiles {
  const { config } = files;
  if (config.source.symbols !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      "tokenizer: a prompt needs a general text tokenizer; this one has only the symbols of its task",
      { suggestions: ["remove teacher.prompt"] },
    );
  }
  const begin = config.bos_token;
  const isBegun = !isWhole && config.source.before?.startsWith(begin) === true && !before.startsWith(begin);
  return {
    ...files,
    config: {
      ...config,
      eos_token: end === undefined ? config.eos_token : firstToken(files, end),
      source: { ...config.source, before: isBegun ? `${begin}${before}` : before, after },
    },
  };
}

/** Name of the first token of a text. */
function firstToken(files: TokenizerFiles, text: string): string {
  const [id] = createLibrary(files.tokenizer, files.config).encode(text, { add_special_tokens: false }).ids;
  const name = id === undefined ? undefined : tokenName(files, id);
  if (name !== undefined) return name;
  throw new SlmError("CONFIG_INVALID", `tokenizer: the end ${JSON.stringify(text)} has no tokens`);
}

/** The text of an id, which is its name in `tokenizer_config.json`. */
export function tokenName(files: Pick<TokenizerFiles, "tokenizer">, id: number): string | undefined {
  return tokenTexts(files)[id];
}
