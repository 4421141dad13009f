/**
 * How text is cut into words before byte-level merges, by `tokenizer.ggml.pre`.
 *
 * Files only name the cutter, so each row says what the name means: the components of the model's own `tokenizer.json`.
 * The pattern of English contractions is spelt in both cases where those say `(?i:...)`, which not every regular
 * expression engine reads.
 * Source: llama.cpp, `llama-vocab.cpp` (names); the published `tokenizer.json` files (components). A fixture holds the
 * ids that llama.cpp gives under every name.
 */

/** A component of `tokenizer.json`. */
export interface Component {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface PreTokenizer {
  readonly normalizer: Component | null;
  readonly preTokenizer: Component;
  /** Words that are tokens are taken as they are, whatever the merges would make of them. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with the bos token where the file does not say. */
  readonly addsBos: boolean;
}

const byteLevel = (useRegex: boolean): Component => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const isolated = (pattern: string): Component => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

const split = (pattern: string): Component => ({
  type: "Sequence",
  pretokenizers: [isolated(pattern), byteLevel(false)],
});

const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/** Words with a capital at most at their beginning, then words in capitals. */
const CASED = (ending: string): string => {
  const [upper, lower] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
  const before = "[^\\r\\n\\p{L}\\p{N}]?";
  return `${before}${upper}*${lower}+${ending}|${before}${upper}+${lower}*${ending}`;
};
/** Contractions, words with one sign before them, runs of up to so many digits, signs, spaces. */
const WORDS = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;

const plain = { normalizer: null, ignoreMerges: false, addsBos: false };

const gpt2: PreTokenizer = { ...plain, preTokenizer: byteLevel(true) };
/**
 * GPT-2's words, every digit by itself. Their `tokenizer.json` says `Digits`, which is this pattern in the original library
 * and ASCII digits alone in others.
 */
const digits: PreTokenizer = {
  ...plain,
  preTokenizer: {
    type: "Sequence",
    pretokenizers: [isolated("\\p{N}"), byteLevel(true)],
  },
};
const cl100k: PreTokenizer = { ...plain, preTokenizer: split(WORDS("\\p{N}{1,3}")) };
const llama3: PreTokenizer = { ...cl100k, ignoreMerges: true, addsBos: true };
const qwen2: PreTokenizer = {
  ...plain,
  normalizer: { type: "NFC" },
  preTokenizer: split(WORDS("\\p{N}")),
};
const tekken: PreTokenizer = {
  normalizer: null,
  preTokenizer: split(`${CASED("")}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`),
  ignoreMerges: true,
  addsBos: true,
};
const o200k: PreTokenizer = {
  ...plain,
  preTokenizer: split(`${CASED(`${CONTRACTIONS}?`)}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`),
};

/** One row per name. */
export const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  "gpt-2": gpt2,
  olmo: gpt2,
  smollm: digits,
  starcoder: digits,
  refact: digits,
  "command-r": digits,
  "minerva-7b": digits,
  "llama-bpe": llama3,
  llama3,
  "llama-v3": llama3,
  falcon3: llama3,
  dbrx: cl100k,
  "smaug-bpe": cl100k,
  qwen2,
  "deepseek-r1-qwen": qwen2,
  tekken,
  "gpt-4o": o200k,
  llama4: { ...o200k, addsBos: true },
};
