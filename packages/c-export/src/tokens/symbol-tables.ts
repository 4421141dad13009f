/** The tables of kernels/text-symbols.c. */
import { SPECIAL_TOKENS, type TrainedVocabulary } from "@slm/tokenizer";
import { arrayText, joinTexts, numberType } from "./c-array.js";
import { lowercaseFor, type Lowercase } from "./characters.js";
import type { TextTables } from "./text-tables.js";

type SymbolVocabulary = Extract<TrainedVocabulary, { kind: "symbols" }>;

const SPECIAL_NAMES = Object.values(SPECIAL_TOKENS);
const AS_WRITTEN: Lowercase = { capitals: [], small: [], neighbours: [] };

export function symbolTables({ source, target, sourceLowercase }: SymbolVocabulary): TextTables {
  // A special token in a text is an error of its own, whether or not its letters are in the vocabulary.
  const known = new Set([...source, ...SPECIAL_NAMES.flatMap((name) => Array.from(name))]);
  const { capitals, small, neighbours } = sourceLowercase ? lowercaseFor(known) : AS_WRITTEN;
  const changed = new Set(capitals);
  const characters = source
    .map((character, index) => ({ code: character.codePointAt(0)!, token: SPECIAL_NAMES.length + index }))
    // Text in lower case never has the others.
    .filter(({ code }) => !changed.has(code))
    .sort((left, right) => left.code - right.code);
  const symbols = [...source, ...target].map((symbol) => Buffer.from(symbol));
  const names = joinTexts([...SPECIAL_NAMES.map(() => Buffer.alloc(0)), ...symbols]);
  const number = numberType(names.bytes.length);
  const text = [
    arrayText(
      "uint32_t",
      "text_characters",
      Array.from(characters, ({ code }) => code),
    ),
    arrayText(
      number,
      "text_tokens",
      Array.from(characters, ({ token }) => token),
    ),
    arrayText("uint32_t", "text_capitals", capitals),
    arrayText("uint32_t", "text_small", small),
    arrayText("uint32_t", "text_neighbours", neighbours),
    arrayText(number, "text_starts", names.starts),
    arrayText("unsigned char", "text_bytes", names.bytes),
    "static const slm_symbols text_tables = {\n",
    `  text_characters, text_tokens, ${characters.length},\n`,
    `  text_capitals, text_small, ${capitals.length},\n`,
    `  text_neighbours, ${neighbours.length},\n`,
    "  text_starts, text_bytes\n};\n",
  ];
  const space = 1;
  return {
    number,
    size: SPECIAL_NAMES.length + symbols.length,
    longest: Math.max(...symbols.map(({ length }) => length)) + space,
    roomBytes: () => 0,
    text: text.join(""),
  };
}
