/**
 * Limits a source by its characters before it is tokenized, because a tokenizer's time and memory grow with the whole text, although
 * a model reads a limited number of tokens.
 */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { TokenizerFiles } from "@slm/tokenizer";

/**
 * Characters per token for a tokenizer that drops or joins characters, such as repeated spaces or unknown letters. Any number of them
 * may have no token at all, so its vocabulary gives no limit.
 */
const DROPPED_PER_TOKEN = 256;

/** Largest number of characters in a source of the maximum number of tokens [UTF-16 units]. */
export function longestSource(
  { maxSource, vision }: Pick<DeviceModel, "maxSource" | "vision">,
  files: TokenizerFiles,
): number {
  const perToken = longestToken(files);
  return (
    (maxSource - (vision?.tokens ?? 0)) *
    (dropsCharacters(files) ? Math.max(perToken, DROPPED_PER_TOKEN) : perToken)
  );
}

/** @throws SlmError DATA_INVALID */
export function checkCharacters(text: string, most: number): void {
  if (text.length <= most) return;
  throw new SlmError(
    "DATA_INVALID",
    `the source has ${text.length} characters; the model reads at most ${most}`,
    {
      context: { characters: text.length, most },
    },
  );
}

function longestToken({ tokenizer, config }: TokenizerFiles): number {
  // A symbol of a source is one character, which has at most two units.
  if (config.source.symbols !== undefined) return 2;
  const { vocab } = tokenizer.model;
  const texts = Array.isArray(vocab)
    ? (vocab as readonly (readonly [string, number])[]).map(([text]) => text)
    : Object.keys(vocab);
  const added = tokenizer.added_tokens.map(({ content }) => content);
  return [...texts, ...added].reduce((most, { length }) => Math.max(most, length), 1);
}

/** Whether the tokenizer may drop characters. Only byte-level tokenizers are known to drop none. */
function dropsCharacters({ tokenizer, config }: TokenizerFiles): boolean {
  if (config.source.symbols !== undefined) return false;
  const { decoder, normalizer, pre_tokenizer: cut } = tokenizer;
  const keepsAll = decoder?.type === "ByteLevel" && normalizer === null && config.sentencepiece === undefined;
  return !keepsAll || JSON.stringify(cut).includes('"Removed"') || config.unknown_text === "kept";
}
