/**
 * Regular expressions that split text into words, written so that Oniguruma and JavaScript's engine interpret them equally.
 *
 * English contractions are written in both cases; the published patterns use `(?i:...)`, which not every engine supports.
 * Source: llama.cpp, `llama-vocab.cpp` (`llm_tokenizer_bpe`) and `unicode.cpp` (`unicode_regex_split_custom_*`).
 */

const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const LINES = "\\s*[\\r\\n]+";
const BLANKS = "\\s+(?!\\S)|\\s+";
/** An optional character before a word that is not a letter, digit or line end. */
const BEFORE = "[^\\r\\n\\p{L}\\p{N}]?";
const SIGNS = " ?[^\\s\\p{L}\\p{N}]+";
const ASCII_SIGNS = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]";

/** Contractions; words, numbers and symbols, each with an optional space before it; spaces. */
export const GPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|${SIGNS}|${BLANKS}`;

interface WordParts {
  /** Pattern of a number. */
  readonly numbers: string;
  readonly letters?: string;
  readonly contractions?: string;
  readonly signs?: string;
  readonly lines?: string;
  readonly blanks?: string;
}

/** Contractions, words with one optional symbol before them, numbers, symbols with line ends after them, lines, spaces. */
export const words = ({
  numbers,
  letters = "\\p{L}+",
  contractions = `${CONTRACTIONS}|`,
  signs = `${SIGNS}[\\r\\n]*`,
  lines = LINES,
  blanks = BLANKS,
}: WordParts): string => `${contractions}${BEFORE}${letters}|${numbers}|${signs}|${lines}|${blanks}`;

/** Like {@link words}; letters may have combining marks. */
export const MARKED_WORDS = words({
  numbers: "\\p{N}",
  letters: "[\\p{L}\\p{M}]+",
  signs: " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*",
});

/** Words whose letters may be separated by a space, as in Korean. */
export const SPACED_WORDS = words({
  numbers: "\\p{N}",
  letters: "(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+",
  signs: `${SIGNS}[\\r\\n/]?`,
  lines: "\\s*[\\r\\n]",
});

export const BAILING_WORDS = words({
  numbers: "\\p{N}",
  contractions: "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|",
  lines: "\\s*[\\r\\n]",
});

/** Runs of spaces in decreasing powers of two, so that a long run needs few tokens. */
const FALLING_BLANKS = [512, 256, 128, 64, 32, 16, 8, 4].map((count) => `\\s{${count}}(?!\\S)`).join("|");
export const JAIS2_WORDS = words({
  numbers: "\\p{N}{1,3}",
  blanks: `${FALLING_BLANKS}|\\s{1,2}(?!\\S)|\\s{1}`,
});

/** Words with capitals only at the start, then words in capitals; `ending` is the pattern of contractions that they include. */
const cased = (ending: string): string => {
  const [upper, lower] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
  return `${BEFORE}${upper}*${lower}+${ending}|${BEFORE}${upper}+${lower}*${ending}`;
};
const PATHS = `${SIGNS}[\\r\\n/]*|${LINES}|${BLANKS}`;
export const TEKKEN = `${cased("")}|\\p{N}|${PATHS}`;
export const O200K = `${cased(`${CONTRACTIONS}?`)}|\\p{N}{1,3}|${PATHS}`;
/** Like {@link O200K}, but does not distinguish upper and lower case, as in llama.cpp. */
export const uncasedO200k = (numbers: string): string =>
  `${BEFORE}[\\p{L}\\p{M}]+${CONTRACTIONS}?|${numbers}|${PATHS}`;

/** DeepSeek's: a symbol with the letters after it, words with combining marks, symbols, then `lines`; numbers are split off before. */
export const signedWords = (lines: string): string =>
  `${ASCII_SIGNS}[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+${lines}|${BLANKS}`;
export const LINE_ENDS_AFTER_SIGNS = `[\\r\\n]*|${LINES}`;
export const LINE_ENDS_APART = "|[\\r\\n]";

/** Everything up to a space or one of these punctuation characters of eight scripts. */
export const UNSIGNED = " ?[^(\\s|.,!?…。，、।۔،)]+";

/**
 * Numbers in groups of three digits from the right; text before a number belongs to its first group, as in
 * llama.cpp (`unicode_regex_split_custom_afmoe`).
 */
export const THOUSANDS = "\\P{N}*\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))";
/** The positions between groups of three digits, counted from the right. */
export const BETWEEN_THOUSANDS = "(?=(?:[0-9]{3})+(?![0-9]))";

export const LINES_APART = "[^\\n]+|[\\n]+";

/** Ranges of code points as one class. */
const ranges = (hex: string): string =>
  hex
    .trim()
    .split(/\s+/)
    .map((range) =>
      range
        .split("-")
        .map((code) => String.fromCodePoint(Number.parseInt(code, 16)))
        .join("-"),
    )
    .join("");

/** Ideographs, Hiragana and Katakana. */
export const KANJI_KANA = `[${ranges("4E00-9FA5 3040-309F 30A0-30FF")}]+`;
/** Ideographs and Hangul as in DeepSeek's first tokenizers; the spaces inside the range are excluded. */
export const IDEOGRAPHS_HANGUL = `(?:(?!\\s)[${ranges("4E00-9FA5 0800-4E00 AC00-D7FF")}])+`;

/** Letters with upper and lower case, as in DeepSeek's first tokenizer. */
const CASED_LETTERS = ranges(`
  41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 3A3-3F5
  3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15
  1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC
  1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D
  212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B
  A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB
  10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943`);
export const DEEPSEEK_WORDS = `\\s?[${CASED_LETTERS}]+`;
/** ASCII and full-width punctuation, quotation marks, Chinese and Japanese punctuation. */
export const DEEPSEEK_SIGNS = `\\s?[${ranges("21-2F 3A-7E FF01-FF0F FF1A-FF5E 2018-201F 3001-3002")}]+`;

/** Hangul; Chinese punctuation; Bopomofo; ideographs and kana: each script separately. */
export const YOUTU_SCRIPTS = [
  `[${ranges("AC00-D7A3 3131-318E")}]+`,
  `[${ranges("FF01 2026 201C 201D 2018 2019 2014 FF1A FF1B FF0C 3001-303F FE30-FE4F")}]+`,
  `[${ranges("3105-312F")}]+`,
  KANJI_KANA,
].join("|");

/** Scripts without spaces between words. */
export const AFMOE_SCRIPTS = `[${ranges(
  "4E00-9FFF 3400-4DBF 8C48-FAFF 3040-309F 30A0-30FF FF65-FF9F 2F00-2FDF E40-E7F E80-EFF 1780-17FF 1000-109F AA60-AA7F A9E0-A9FF AC00-D7AF 1100-11FF",
)}]+`;

/** Ideographs with all their extensions. */
const HAN = `[${ranges("4E00-9FFF 3400-4DBF 20000-2A6DF 2A700-2B73F 2B740-2B81F 2B820-2CEAF 2CEB0-2EBEF F900-FAFF 2F800-2FA1F")}]`;
export const KIMI_WORDS = `${HAN}+|${BEFORE}(?:(?!${HAN})\\p{L})+${CONTRACTIONS}?|\\p{N}{1,3}|${SIGNS}[\\r\\n]*|${LINES}|${BLANKS}`;

/** Chameleon's tokens in text: sentinels, images, tabs, line ends, pairs of spaces. */
export const CHAMELEON = [
  "<sentinel:[0-9]+>",
  "(?:IMGIMG)(?:(?:A|B|C|D|E|F|G|H|I){1,4})Z",
  "(?:[\\t\\n]|    |  )",
] as const;
