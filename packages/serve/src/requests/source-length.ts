/**
 * Bounds a source by its characters before it is tokenized: time and memory of a tokenizer grow with all of the text, although a model
 * reads no more than its limit of tokens.
 */
import type { DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { TokenizerFiles } from "@slm/tokenizer";

/**
 * Characters per token that are enough for a tokenizer that drops or joins characters, such as repeated spaces or unknown letters: a
 * number of them may have no token at all, so that no limit follows from its vocabulary.
 */
const DROPPED_PER_TOKEN = 256;

/** Largest number of characters [UTF-16 units] that the tokens of the longest source can hold. */
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
    `the source has ${text.length} characters, the model reads at most ${most}`,
    {
      context: { characters: text.length, most },
    },
  );
}

function longestToken({ tokenizer, config }: TokenizerFiles): number {
  // A source's symbol is one character, at most two units.
  if (config.source.symbols !== undefined) return 2;
  const { vocab } = tokenizer.model;
  const texts = Array.isArray(vocab)
    ? (vocab as readonly (readonly [string, number])[]).map(([text]) => text)
    : Object.keys(vocab);
  const added = tokenizer.added_tokens.map(({ content }) => content);
  return [...texts, ...added].reduce((most, { length }) => Math.max(most, length), 1);
}

/** Whether fewer characters may reach the vocabulary than a text has. Only of tokenizers of all bytes is it known that none are dropped. */
function dropsCharacters({ tokenizer, config }: TokenizerFiles): boolean {
  if (config.source.symbols !== undefined) return false;
  const { decoder, normalizer, pre_tokenizer: cut } = tokenizer;
  const keepsAll = decoder?.type === "ByteLevel" && normalizer === null && config.sentencepiece === undefined;
  return !keepsAll || JSON.stringify(cut).includes('"Removed"') || config.unknown_text === "kept";
}
