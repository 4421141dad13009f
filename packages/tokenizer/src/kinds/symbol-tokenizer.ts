/**
 * Runs a symbol tokenizer by direct lookup. Results are the same as those of the general library for the same files, about twenty times faster.
 * The sides stay separate: a source never gets target ids, and a target never gets source ids.
 */
import { isDeepStrictEqual } from "node:util";
import { SlmError } from "@slm/core";
import { rejectEmpty, rejectId, rejectSpecial } from "../interface/rejections.js";
import { SPECIAL_NAMES } from "../files/special-tokens.js";
import { splitTarget, symbolTokenizerFiles } from "../learn/symbol-files.js";
import type { Tokenizer } from "../interface/tokenizer.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/**
 * Creates the tokenizer of files that declare a symbol tokenizer (`source.symbols` in the configuration).
 *
 * @throws SlmError DATA_INVALID if the files differ from the files generated for their vocabulary, because direct lookup would then differ from
 * other libraries.
 */
export function createSymbolTokenizer(files: TokenizerFiles): Tokenizer {
  const { symbols, target, lowercase } = symbolVocabularyOf(files);
  const sourceIds = new Map(symbols.map((symbol, index) => [symbol, SPECIAL_NAMES.length + index]));
  const targetStart = SPECIAL_NAMES.length + symbols.length;
  const targetIds = new Map(target.map((symbol, index) => [symbol, targetStart + index]));
  const names: readonly string[] = [...SPECIAL_NAMES, ...symbols, ...target];

  return {
    vocabularySize: names.length,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    encodeSource(text) {
      const source = lowercase ? text.toLowerCase() : text;
      rejectSpecial("source", source, SPECIAL_NAMES);
      const ids: number[] = [];
      for (const character of source) {
        const id = sourceIds.get(character);
        if (id === undefined) throw unknownSymbol("source", source, character, ids.length);
        ids.push(id);
      }
      if (ids.length === 0) throw rejectEmpty("source");
      return ids;
    },
    encodeTarget(text) {
      rejectSpecial("target", text, SPECIAL_NAMES);
      const ids = splitTarget(text).map((symbol, index) => {
        const id = targetIds.get(symbol);
        if (id === undefined) throw unknownSymbol("target", text, symbol, index);
        return id;
      });
      if (ids.length === 0) throw rejectEmpty("target");
      return ids;
    },
    decode(ids) {
      const symbolsOut: string[] = [];
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index]!;
        const name = names[id];
        if (name === undefined) throw rejectId(id, index, names.length);
        if (id >= SPECIAL_NAMES.length) symbolsOut.push(name);
      }
      return symbolsOut.join(" ");
    },
  };
}

/** @throws SlmError DATA_INVALID as {@link createSymbolTokenizer} */
export function symbolVocabularyOf({ tokenizer, config }: TokenizerFiles): {
  readonly symbols: readonly string[];
  readonly target: readonly string[];
  readonly lowercase: boolean;
} {
  const vocabulary = tokenizer.model.vocab;
  const count = config.source.symbols;
  if (count === undefined || Array.isArray(vocabulary)) throw notSymbols("model.vocab and source.symbols");
  const tokens = Object.entries(vocabulary)
    .sort(([, left], [, right]) => left - right)
    .map(([token]) => token);
  const start = SPECIAL_NAMES.length;
  const symbols = tokens.slice(start, start + count);
  const target = tokens.slice(start + count);
  const lowercase = config.source.lowercase;
  const expected = symbolTokenizerFiles({ source: symbols, target, sourceLowercase: lowercase });
  if (!isDeepStrictEqual(tokenizer, expected.tokenizer)) throw notSymbols("tokenizer.json");
  for (const key of [
    "pad_token",
    "bos_token",
    "eos_token",
    "unk_token",
    "clean_up_tokenization_spaces",
  ] as const) {
    if (config[key] !== expected.config[key]) throw notSymbols(`tokenizer_config.json: ${key}`);
  }
  return { symbols, target, lowercase };
}

function notSymbols(what: string): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `tokenizer: tokenizer_config.json declares a symbol tokenizer (source.symbols), but ${what} differs from what ` +
      "slm writes for its vocabulary",
    {
      suggestions: ["slm tokenizer train --help", "remove source.symbols to read it as a general tokenizer"],
    },
  );
}

function unknownSymbol(side: "source" | "target", text: string, symbol: string, index: number): SlmError {
  const unit = side === "source" ? "character" : "symbol";
  return new SlmError(
    "DATA_INVALID",
    `tokenizer: ${unit} ${index + 1} of the ${side} is ${JSON.stringify(symbol.slice(0, 80))}, which is not in the vocabulary`,
    { context: { side, symbol, position: index + 1, text: text.slice(0, 200) } },
  );
}
