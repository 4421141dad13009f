/** Runs any `tokenizer.json` (BPE, WordPiece, Unigram, WordLevel) with `@huggingface/tokenizers`. */
import { SlmError } from "@slm/core";
import { createLibrary, type LibraryTokenizer } from "./library.js";
import { rejectEmpty, rejectId, rejectSpecial, rejectSurrogate } from "../interface/rejections.js";
import { rejectedNames } from "../files/special-names.js";
import type { SpecialTokenIds, Tokenizer } from "../interface/tokenizer.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";

/**
 * Creates the tokenizer for files of any kind.
 *
 * @throws SlmError DATA_INVALID if the library cannot build it or a special token is not in the vocabulary.
 */
export function createLibraryTokenizer(files: TokenizerFiles): Tokenizer {
  checkPatterns(files.tokenizer.decoder);
  checkLongestWord(files.tokenizer.model);
  const library = guard("build", () => createLibrary(files.tokenizer, files.config));
  const textIds = (text: string): readonly number[] =>
    guard("encode", () => library.encode(text, { add_special_tokens: false }).ids);
  const { before = "", after } = files.config.source;
  const tail = after === undefined ? undefined : afterIds(after, textIds);
  const named = specialTokens(library, files);
  const tokens = tail === undefined ? named : { ...named, bos: tail.at(-1)! };
  const size = vocabularySize(files);
  const rejectsUnknown = files.config.unknown_text !== "kept";
  const special = rejectedNames(files);
  const { lowercase } = files.config.source;

  const encode = (side: "source" | "target", text: string): number[] => {
    rejectSpecial(side, text, special);
    rejectSurrogate(side, text);
    const ids = textIds(text);
    if (ids.length === 0) throw rejectEmpty(side);
    const bad = ids.findIndex((id) => !isId(id, size));
    if (bad >= 0) throw rejectId(ids[bad]!, bad, size);
    if (rejectsUnknown && ids.includes(tokens.unknown))
      throw unknownText(side, text, (part) => textIds(part).includes(tokens.unknown));
    return [...ids];
  };

  /** The source with prefix and suffix, but without the last token of the suffix, which starts targets. */
  const prompted = (text: string): number[] => {
    const bare = encode("source", text);
    if (before === "" && tail === undefined) return bare;
    const front = `${before}${text}`;
    if (tail === undefined) return [...textIds(front)];
    const whole = textIds(`${front}${after ?? ""}`);
    // If a token would span source and suffix, they are encoded separately, so that targets still start with one token.
    return [...(whole.at(-1) === tokens.bos ? whole : [...textIds(front), ...tail])].slice(0, -1);
  };

  return {
    vocabularySize: size,
    tokens,
    encodeSource: (text) => prompted(lowercase ? text.toLowerCase() : text),
    encodeTarget: (text) => encode("target", text),
    decode(ids) {
      const list = Array.from(ids);
      const bad = list.findIndex((id) => !isId(id, size));
      if (bad >= 0) throw rejectId(list[bad]!, bad, size);
      if (list.length === 0) return "";
      return guard("decode", () => library.decode(list, { skip_special_tokens: true }));
    },
  };
}

/** @throws SlmError DATA_INVALID if the text has no tokens. */
function afterIds(after: string, textIds: (text: string) => readonly number[]): readonly number[] {
  const ids = textIds(after);
  if (ids.length > 0) return ids;
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: source.after of tokenizer_config.json is ${JSON.stringify(after.slice(0, 80))}, which has no tokens`,
  );
}

function isId(id: number, vocabularySize: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < vocabularySize;
}

function specialTokens(library: LibraryTokenizer, { config }: TokenizerFiles): SpecialTokenIds {
  const idOf = (key: "pad_token" | "bos_token" | "eos_token" | "unk_token"): number => {
    const id = library.token_to_id(config[key]);
    if (id !== undefined) return id;
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: ${key} of tokenizer_config.json is ${JSON.stringify(config[key])}, which tokenizer.json does not contain`,
      { context: { key, token: config[key] } },
    );
  };
  return {
    pad: idOf("pad_token"),
    bos: idOf("bos_token"),
    eos: idOf("eos_token"),
    unknown: idOf("unk_token"),
  };
}

/** One above the largest id of a tokenizer. */
export function vocabularySize({ tokenizer }: Pick<TokenizerFiles, "tokenizer">): number {
  const { vocab } = tokenizer.model;
  let size = isScored(vocab) ? vocab.length : 0;
  if (!isScored(vocab)) for (const id of Object.values(vocab)) size = Math.max(size, id + 1);
  for (const { id } of tokenizer.added_tokens) size = Math.max(size, id + 1);
  return size;
}

function isScored(
  vocab: TokenizerFiles["tokenizer"]["model"]["vocab"],
): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab);
}

/** The error for unknown text. Names the first unknown word, or the whole text if every single word is known. */
function unknownText(side: string, text: string, isUnknown: (part: string) => boolean): SlmError {
  const words = text.matchAll(/\P{White_Space}+/gu);
  const found = Array.from(words).find(([word]) => isUnknown(word));
  const [word, index] = found === undefined ? [text, 0] : [found[0], found.index];
  const position = Array.from(text.slice(0, index)).length + 1;
  return new SlmError(
    "DATA_INVALID",
    `tokenizer: the vocabulary has no pieces for ${JSON.stringify(word.slice(0, 80))} at character ${position} of the ${side}`,
    { context: { side, position, text: text.slice(0, 200) } },
  );
}

/**
 * Rejects a component with a pattern that the library cannot read. The library would only warn and skip the component, which would split texts
 * differently.
 */
function checkPatterns(component: unknown): void {
  if (typeof component !== "object" || component === null) return;
  if ("type" in component && (component.type === "Split" || component.type === "Replace")) {
    const pattern: unknown = "pattern" in component ? component.pattern : undefined;
    if (!isPattern(pattern)) {
      const got = pattern === undefined ? "none" : JSON.stringify(pattern);
      throw new SlmError(
        "DATA_INVALID",
        `tokenizer: tokenizer.json: ${component.type} needs a pattern {"Regex": text} or {"String": text}, got ${got}`,
      );
    }
  }
  for (const part of Object.values(component)) checkPatterns(part);
}

/** Limit of `max_input_chars_per_word`. Published files have up to 100; the library's time is cubic in the length of a word. */
const LONGEST_WORD = 200;

/** Rejects a model without a reasonable limit of the word length. */
function checkLongestWord(model: TokenizerFiles["tokenizer"]["model"]): void {
  const longest = model["max_input_chars_per_word"] ?? 1;
  if (typeof longest === "number" && longest >= 1 && longest <= LONGEST_WORD) return;
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: tokenizer.json: max_input_chars_per_word is ${JSON.stringify(longest)}, expected 1 to ${LONGEST_WORD}`,
  );
}

function isPattern(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["Regex", "String"].some((key) => key in value && typeof Reflect.get(value, key) === "string");
}

/** Converts errors of the library, which come from invalid files, to DATA_INVALID. */
function guard<T>(verb: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("DATA_INVALID", `tokenizer: cannot ${verb} with this tokenizer.json: ${reason}`, {
      cause,
    });
  }
}
