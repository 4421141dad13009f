/**
 * Pre-tokenizers, which split text into words before the merges, by `tokenizer.ggml.pre`.
 *
 * Files contain only the name of the pre-tokenizer. Each entry defines one: patterns that are applied in order, each to the pieces from the
 * previous one. Names and patterns: llama.cpp as of llama-cpp-python 0.3.36, `llama-vocab.cpp`. A fixture contains llama.cpp's ids for every
 * name. Entries differ from llama.cpp where the published tokenizer does: Qwen's normalizes to NFC, and tekken and o200k distinguish the case of
 * all letters, llama.cpp only of ASCII letters.
 */
import {
  AFMOE_SCRIPTS,
  BAILING_WORDS,
  BETWEEN_THOUSANDS,
  CHAMELEON,
  DEEPSEEK_SIGNS,
  DEEPSEEK_WORDS,
  GPT2,
  IDEOGRAPHS_HANGUL,
  JAIS2_WORDS,
  KANJI_KANA,
  KIMI_WORDS,
  LINES_APART,
  LINE_ENDS_AFTER_SIGNS,
  LINE_ENDS_APART,
  MARKED_WORDS,
  O200K,
  SPACED_WORDS,
  TEKKEN,
  THOUSANDS,
  UNSIGNED,
  YOUTU_SCRIPTS,
  signedWords,
  uncasedO200k,
  words,
} from "./split-patterns.js";

export interface PreTokenizer {
  /** Regular expressions of `Split` components, in order. */
  readonly patterns: readonly string[];
  /** Alphabet of words: bytes, characters with a symbol for the space, or characters without spaces. */
  readonly spelling: "bytes" | "pieces" | "words";
  readonly isNfc: boolean;
  /** Whether words that are tokens are used directly, without merges. */
  readonly ignoreMerges: boolean;
  /** Whether a text starts with BOS: always, or as the default for files that do not specify it. */
  readonly addsBos: boolean | "always";
}

type Traits = Partial<Omit<PreTokenizer, "patterns">>;

const row = (patterns: readonly string[], traits: Traits = {}): PreTokenizer => ({
  patterns,
  spelling: "bytes",
  isNfc: false,
  ignoreMerges: false,
  addsBos: false,
  ...traits,
});

/** The same pre-tokenizer under several names. */
const named = (names: string, cutter: PreTokenizer): Readonly<Record<string, PreTokenizer>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, cutter]));

const DIGIT_WORDS = words({ numbers: "\\p{N}" });
const THREE_DIGIT_WORDS = words({ numbers: "\\p{N}{1,3}" });
const PUNCTUATION = "[\\p{P}\\$\\+<=>\\^~\\|]+";
const DEEPSEEK3 = ["\\p{N}{1,3}", KANJI_KANA, signedWords(LINE_ENDS_AFTER_SIGNS)];

/** For files that name no pre-tokenizer. */
export const DEFAULT_PRE_TOKENIZER = "default";

/** One entry per name. */
export const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  ...named(DEFAULT_PRE_TOKENIZER, row([PUNCTUATION, GPT2, "\\p{N}+", "[0-9][0-9][0-9]"])),
  ...named(
    "gpt-2 phi-2 jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code roberta-bpe modern-bert gigachat " +
      "a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4",
    row([GPT2]),
  ),
  ...named("smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", row(["\\p{N}", GPT2])),
  ...named("falcon", row(["[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"])),
  ...named(
    "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
    row([THREE_DIGIT_WORDS], { ignoreMerges: true, addsBos: true }),
  ),
  ...named("dbrx smaug-bpe chatglm-bpe", row([THREE_DIGIT_WORDS])),
  ...named("glm4 glm5", row([THREE_DIGIT_WORDS], { ignoreMerges: true })),
  ...named("minicpm5", row(["\\p{N}{1,3}", words({ numbers: "\\p{N}+" })], { ignoreMerges: true })),
  ...named("jais-2", row([JAIS2_WORDS])),
  ...named("qwen2 deepseek-r1-qwen", row([DIGIT_WORDS], { isNfc: true })),
  ...named("qwen35", row([MARKED_WORDS])),
  ...named("kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", row([DIGIT_WORDS])),
  ...named("ufakzeka", row([words({ numbers: "\\p{N}", contractions: "" })])),
  ...named("seed-coder", row([words({ numbers: "\\p{N}", signs: " ?[^\\s\\p{L}\\p{N}\\r\\n]+" })])),
  ...named("bailingmoe bailingmoe2 llada-moe", row([BAILING_WORDS])),
  ...named("laguna", row([LINES_APART, DIGIT_WORDS])),
  ...named("exaone-moe", row([SPACED_WORDS])),
  ...named(
    "deepseek-llm",
    row(["[\\r\\n]", DEEPSEEK_WORDS, DEEPSEEK_SIGNS, "\\s+$", IDEOGRAPHS_HANGUL, "\\p{N}+"]),
  ),
  ...named("deepseek-coder", row(["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", IDEOGRAPHS_HANGUL, "\\p{N}"])),
  ...named("deepseek-v3 hunyuan-dense joyai-llm hy_v4", row(DEEPSEEK3)),
  ...named("spark2_5", row(["\\p{N}{1,3}", KANJI_KANA, signedWords(LINE_ENDS_APART), "\\p{N}"])),
  ...named("afmoe", row([THOUSANDS, AFMOE_SCRIPTS, signedWords(LINE_ENDS_AFTER_SIGNS)])),
  ...named("tekken", row([TEKKEN], { ignoreMerges: true, addsBos: true })),
  ...named("gpt-4o kanana2 talkie minimax-m2", row([O200K])),
  ...named("llama4", row([O200K], { addsBos: true })),
  ...named("granite-embed-multi-97m", row([O200K], { ignoreMerges: true })),
  ...named("tiny_aya cohere2moe", row([THOUSANDS, uncasedO200k("\\p{N}{1,3}")])),
  ...named("youtu", row([YOUTU_SCRIPTS, uncasedO200k("\\p{N}")], { ignoreMerges: true })),
  ...named("kimi-k2", row([KIMI_WORDS])),
  ...named("superbpe", row(["\\p{N}+", BETWEEN_THOUSANDS])),
  ...named("poro-chat bloom gpt3-finnish", row([UNSIGNED])),
  ...named("viking", row([UNSIGNED, "\\p{N}"])),
  ...named("chameleon", row([...CHAMELEON, "\\p{N}", "[\\p{P}!-/:-@\\[-`{-~]", GPT2], { addsBos: true })),
  ...named("gemma4 granite-embed-multi-311m", row([LINES_APART], { spelling: "pieces", addsBos: "always" })),
  ...named("sarvam-moe", row([LINES_APART], { spelling: "pieces" })),
  ...named("whitespace", row(["\\s+"], { spelling: "words" })),
};
