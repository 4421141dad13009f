/**
 * The files of a symbol tokenizer: one id per source character, one id per whitespace-separated target token,
 * in one vocabulary. They are plain Hugging Face files: any library that reads `tokenizer.json` encodes the same.
 *
 *   id 0 [pad]   1 [bos]   2 [eos]   3 [unk]   then source characters, sorted   then target symbols, sorted
 *
 * The files cannot distinguish source and target texts, so the two sides must not share a character. One regular expression
 * then splits both: a source into characters, and a target at its spaces. Symbols of neither side become [unk].
 */
import { SlmError } from "@slm/core";
import { SPECIAL_NAMES, SPECIAL_TOKENS, specialTokenEntries } from "../files/special-tokens.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

export interface SymbolVocabulary {
  /** Single characters (Unicode code points), in the order of their ids. */
  readonly source: readonly string[];
  /** Target symbols, in the order of their ids. */
  readonly target: readonly string[];
  readonly sourceLowercase: boolean;
}

export interface SymbolTraining {
  readonly sources: Iterable<string>;
  readonly targets: Iterable<string>;
  readonly sourceLowercase: boolean;
}

/**
 * Creates the symbol tokenizer of a data set, with all its source characters and target tokens.
 *
 * @throws SlmError DATA_INVALID if a side is empty, a source contains whitespace, a target symbol contains a special token, or the two sides
 * share a character.
 */
export function trainSymbolTokenizer({ sources, targets, sourceLowercase }: SymbolTraining): TokenizerFiles {
  const source = new Set<string>();
  for (const text of sources) {
    for (const character of sourceLowercase ? text.toLowerCase() : text) source.add(character);
  }
  const target = new Set<string>();
  for (const text of targets) for (const symbol of splitTarget(text)) target.add(symbol);
  return symbolTokenizerFiles({ source: [...source].sort(), target: [...target].sort(), sourceLowercase });
}

/** Symbols of a target text. Whitespace is Unicode's White_Space, as in the regular expressions of `tokenizer.json`. */
export function splitTarget(text: string): readonly string[] {
  return text.split(/\p{White_Space}+/u).filter((symbol) => symbol !== "");
}

/**
 * Both files for a vocabulary.
 *
 * @throws SlmError DATA_INVALID if the two sides of the vocabulary cannot be distinguished, as for {@link trainSymbolTokenizer}.
 */
export function symbolTokenizerFiles(vocabulary: SymbolVocabulary): TokenizerFiles {
  checkVocabulary(vocabulary);
  const { source, target, sourceLowercase } = vocabulary;
  const tokens = [...SPECIAL_NAMES, ...source, ...target];
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: specialTokenEntries(),
      normalizer: null,
      pre_tokenizer: {
        type: "Split",
        pattern: { Regex: splitPattern(source) },
        // Inverted and removed: matches are kept, the text between them (whitespace) is dropped.
        behavior: "Removed",
        invert: true,
      },
      post_processor: null,
      // Without a decoder, tokens are joined with spaces.
      decoder: null,
      model: {
        type: "WordLevel",
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        unk_token: SPECIAL_TOKENS.unknown,
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      pad_token: SPECIAL_TOKENS.pad,
      bos_token: SPECIAL_TOKENS.bos,
      eos_token: SPECIAL_TOKENS.eos,
      unk_token: SPECIAL_TOKENS.unknown,
      clean_up_tokenization_spaces: false,
      source: { lowercase: sourceLowercase, symbols: source.length },
    },
  };
}

/** One source character, or a run of anything that is neither whitespace nor a source character. */
function splitPattern(source: readonly string[]): string {
  const characters = source.map(escapeInClass).join("");
  return `[${characters}]|[^\\s${characters}]+`;
}

function escapeInClass(character: string): string {
  if (/^[0-9A-Za-z]$/.test(character)) return character;
  return `\\x{${character.codePointAt(0)!.toString(16)}}`;
}

function checkVocabulary({ source, target }: SymbolVocabulary): void {
  if (source.length === 0) throw reject("no source characters: expected at least one non-empty source");
  if (target.length === 0) throw reject("no target symbols: expected at least one non-empty target");
  const characters = new Set(source);
  if (characters.size !== source.length || new Set(target).size !== target.length)
    throw reject("a symbol is repeated");
  for (const character of source) {
    if (Array.from(character).length !== 1)
      throw reject(`source symbol ${quote(character)} is not one character`);
    if (/\p{White_Space}/u.test(character)) {
      throw reject(
        `a source contains whitespace (${quote(character)}), which separates the symbols of a target`,
      );
    }
    if (/\p{Surrogate}/u.test(character))
      throw reject(`a source contains ${quote(character)}, half a character (an unpaired surrogate)`);
  }
  for (const symbol of target) checkTargetSymbol(symbol, characters);
}

function checkTargetSymbol(symbol: string, sourceCharacters: ReadonlySet<string>): void {
  if (splitTarget(symbol).length !== 1 || splitTarget(symbol)[0] !== symbol) {
    throw reject(`target symbol ${quote(symbol)} is empty or contains whitespace`);
  }
  if (/\p{Surrogate}/u.test(symbol)) throw reject(`target symbol ${quote(symbol)} contains half a character`);
  const special = SPECIAL_NAMES.find((name) => symbol.includes(name));
  if (special !== undefined)
    throw reject(`target symbol ${quote(symbol)} contains the special token ${special}`);
  for (const character of symbol) {
    if (sourceCharacters.has(character)) {
      throw reject(
        `target symbol ${quote(symbol)} and the sources share the character ${quote(character)}, ` +
          "so one vocabulary cannot distinguish the sides",
      );
    }
  }
}

function reject(problem: string): SlmError {
  return new SlmError("DATA_INVALID", `symbol tokenizer: ${problem}`, {
    suggestions: ["--set tokenizer.kind=bpe", "slm data inspect FILE", "write target symbols in capitals"],
  });
}

function quote(text: string): string {
  return JSON.stringify(text);
}
