/**
 * The normalizers of a `tokenizer.json`, with the same results as the native library. `@huggingface/tokenizers` approximates some (Precompiled
 * by NFKC, lower case by word-level rules) and lacks others.
 *
 * Source: Hugging Face `tokenizers` 0.23, `normalizers`.
 */
import { byteSymbols } from "../text/byte-symbols.js";
import { base64Bytes } from "../text/utf8.js";
import { characterMap, MAP_RULES, type MapRule } from "../text/character-map.js";
import { flagOf, inOrder, patternOf, textOf, type CompilePattern, type Component } from "./component.js";
import { reject } from "../patterns/reject.js";
import { checkGrowth, longestFrom, replaceMatches } from "./growth.js";

/** @throws SlmError DATA_INVALID if the text would become too long */
export type Normalize = (text: string) => string;

/** One step. @param longest maximum length of the result [characters]; the caller checks it again */
type Step = (text: string, longest: number) => string;

/** One entry per type. */
const NORMALIZERS: Readonly<Record<string, (component: Component, compile: CompilePattern) => Step>> = {
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  Lowercase: () => lowercase,
  StripAccents: () => (text) => text.replaceAll(/\p{M}/gu, ""),
  Strip: stripOf,
  Prepend: (component) => {
    const front = textOf(component, "prepend");
    return (text, longest) => {
      checkGrowth(text.length + front.length, longest);
      return text === "" ? "" : front + text;
    };
  },
  Replace: (component, compile) => {
    const pattern = patternOf(component, compile);
    const content = textOf(component, "content");
    return (text, longest) => replaceMatches(text, pattern.matches(text), { content, longest });
  },
  Nmt: () => nmt,
  ByteLevel: () => byteSymbols,
  Precompiled: (component) => {
    const table = textOf(component, "precompiled_charsmap", "");
    const rule = textOf(component, "match", "graphemes");
    if (!isMapRule(rule))
      throw reject(`Precompiled needs one of ${MAP_RULES.join(", ")} in 'match', got '${rule}'`);
    const bytes = base64Bytes(table);
    if (bytes === undefined) throw reject("Precompiled needs a precompiled_charsmap in base64");
    return table === "" ? (text) => text : characterMap(bytes, rule);
  },
  BertNormalizer: bertOf,
};

/**
 * Compiles a normalizer to a function of a text.
 *
 * @throws SlmError DATA_INVALID for an unsupported type or setting
 */
export function compileNormalizer(component: Component, compile: CompilePattern): Normalize {
  const steps = inOrder(component, "normalizers").map((part) => {
    if (Object.hasOwn(NORMALIZERS, part.type)) return NORMALIZERS[part.type]!(part, compile);
    throw reject(`the normalizer '${part.type.slice(0, 80)}' is not supported`);
  });
  return (text) => {
    const longest = longestFrom(text.length);
    let value = text;
    for (const step of steps) {
      value = step(value, longest);
      checkGrowth(value.length, longest);
    }
    return value;
  };
}

function isMapRule(name: string): name is MapRule {
  return (MAP_RULES as readonly string[]).includes(name);
}

/** Lower-cases characters, not words: a capital sigma at the end of a word becomes σ, not ς. */
function lowercase(text: string): string {
  return /\u03a3/u.test(text)
    ? text
        .split("\u03a3")
        .map((part) => part.toLowerCase())
        .join("\u03c3")
    : text.toLowerCase();
}

const BLANK = /\p{White_Space}/u;

/** Goes character by character: a regular expression for trailing blanks would start again at every blank inside the text. */
function stripOf(component: Component): Step {
  const isLeft = flagOf(component, "strip_left", true);
  const isRight = flagOf(component, "strip_right", true);
  return (text) => {
    let [start, end] = [0, text.length];
    while (isLeft && start < end && BLANK.test(text[start]!)) start++;
    while (isRight && end > start && BLANK.test(text[end - 1]!)) end--;
    return text.slice(start, end);
  };
}

/** SentencePiece's NMT rules: control characters are removed, and every kind of blank becomes a space. */
function nmt(text: string): string {
  return text
    .replaceAll(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/gu, "")
    .replaceAll(/[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu, " ");
}

/** Ideographs: each one is a word. */
const IDEOGRAPHS = new RegExp(
  "[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}\\u{2b820}-\\u{2ceaf}" +
    "\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}]",
  "gu",
);

function bertOf(component: Component): Step {
  const isLowered = flagOf(component, "lowercase", true);
  const steps: Normalize[] = [];
  if (flagOf(component, "clean_text", true)) {
    steps.push((text) =>
      text
        .replaceAll(/(?![\t\n\r])[\0\ufffd\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "")
        .replaceAll(/\p{White_Space}/gu, " "),
    );
  }
  if (flagOf(component, "handle_chinese_chars", true))
    steps.push((text) => text.replaceAll(IDEOGRAPHS, " $& "));
  if (flagOf(component, "strip_accents", isLowered))
    steps.push((text) => text.normalize("NFD").replaceAll(/\p{Mn}/gu, ""));
  if (isLowered) steps.push(lowercase);
  return (text) => steps.reduce((value, step) => step(value), text);
}
