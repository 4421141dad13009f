/** The text of each token of a vocabulary, for constrained decoding. */
import { SlmError } from "@slm/core";
import { BYTE_CHARACTERS } from "../text/byte-symbols.js";
import { vocabularySize } from "./library-tokenizer.js";
import { utf8Bytes } from "../text/utf8.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

export interface TokenPieces {
  /** UTF-8 bytes of each id; a character may span several tokens. Undefined for tokens without text. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** Bytes between two tokens in a text. */
  readonly separator: Uint8Array;
}

/**
 * The text of each token of a tokenizer.
 *
 * @throws SlmError OP_UNSUPPORTED for a tokenizer that is neither byte-level nor a symbol tokenizer, because the text of its tokens depends on
 * their neighbours.
 */
export function tokenPieces({ tokenizer, config }: TokenizerFiles): TokenPieces {
  const { decoder, model, added_tokens: added } = tokenizer;
  const isSymbols = config.source.symbols !== undefined;
  if (!isSymbols && decoder?.type !== "ByteLevel") {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `tokenizer: a constraint needs a byte-level or symbol vocabulary, got decoder ${decoder?.type ?? "none"}`,
      { context: { decoder: decoder?.type ?? null } },
    );
  }
  const entries: readonly (readonly [string, number])[] = Array.isArray(model.vocab)
    ? (model.vocab as readonly (readonly [string, number])[]).map(([text], id) => [text, id])
    : Object.entries(model.vocab);
  const spell = isSymbols ? utf8Bytes : byteLevelBytes;
  const bytes = new Array<Uint8Array | undefined>(vocabularySize({ tokenizer })).fill(undefined);
  for (const [text, id] of entries) bytes[id] = spell(text);
  for (const { id, content, special } of added) bytes[id] = special === true ? undefined : utf8Bytes(content);
  // Some special tokens are only in the configuration.
  const named = new Set([config.pad_token, config.bos_token, config.eos_token, config.unk_token]);
  for (const [text, id] of entries) if (named.has(text)) bytes[id] = undefined;
  return { bytes, separator: utf8Bytes(isSymbols ? " " : "") };
}

const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes of a byte-level token; undefined if one of its characters does not represent a byte. */
function byteLevelBytes(text: string): Uint8Array | undefined {
  const bytes = Array.from(text, (character) => BYTES.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes.map(Number));
}
