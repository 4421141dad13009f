/**
 * Runs files with a SentencePiece model: SentencePiece splits the texts, and the vocabulary maps the pieces to ids. Same results as the
 * transformers 4 classes that call SentencePiece.
 */
import { SlmError } from "@slm/core";
import { rejectEmpty, rejectId, rejectSpecial, rejectSurrogate } from "../interface/rejections.js";
import { SPACE } from "../sentencepiece/normalizer.js";
import { createProcessor } from "../sentencepiece/processor.js";
import { rejectedNames, specialNames } from "../files/special-names.js";
import { sectionsOf, type Section } from "./text-sections.js";
import type { Tokenizer } from "../interface/tokenizer.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { openSides, type OpenedModel, type PieceSettings, type Side } from "./piece-sides.js";

/** @throws SlmError DATA_INVALID if a model is invalid or a special token is not in the vocabulary. */
export function createPieceTokenizer(files: TokenizerFiles, settings: PieceSettings): Tokenizer {
  const { tokenizer, config } = files;
  const { source, target, ofSource, ofTarget } = openSides(files, settings);
  const allowed = new Set(config.text_tokens);
  const cut = sectionsOf(tokenizer.added_tokens.filter(({ content }) => allowed.has(content)));
  const pieces = {
    source: segmenter(ofSource, settings, config.unk_token),
    target: segmenter(ofTarget, settings, config.unk_token),
  };
  const rejected = rejectedNames(files);
  const special = new Set(specialNames(files));
  // If texts keep their outer spaces (Gemma), decoded texts do too.
  const { addDummyPrefix, removeExtraWhitespaces } = ofTarget.model.normalizer;
  const finish = addDummyPrefix || removeExtraWhitespaces ? stripped : (text: string) => text;

  const encode = (side: Side, text: string): number[] => {
    rejectSpecial(side, text, rejected);
    rejectSurrogate(side, text);
    const { ids, unknown } = side === "source" ? source : target;
    const { code, rest } =
      settings.leading_code === true ? leadingCode(text) : { code: undefined, rest: text };
    const found = code === undefined ? [] : [ids.get(code) ?? unknown];
    for (const token of pieces[side](cut, rest))
      found.push(typeof token === "number" ? token : (ids.get(token) ?? unknown));
    if (found.length === 0) throw rejectEmpty(side);
    if (config.unknown_text !== "kept" && found.includes(unknown)) throw unknownText(side, text);
    return found;
  };

  return {
    vocabularySize: target.texts.length,
    sourceVocabularySize: target === source ? undefined : source.texts.length,
    tokens: target.special,
    encodeSource: (text) => encode("source", config.source.lowercase ? text.toLowerCase() : text),
    encodeTarget: (text) => encode("target", text),
    decode(ids) {
      const tokens = Array.from(ids, (id, index) => {
        if (!Number.isInteger(id) || id < 0 || id >= target.texts.length)
          throw rejectId(id, index, target.texts.length);
        return target.texts[id];
      });
      const spoken = tokens.filter((token) => token !== undefined && !special.has(token)) as string[];
      return finish(ofTarget.decode(spoken));
    },
  };
}

/** Pieces and ids of a text, which is split at the tokens that it may contain. */
type SegmentSections = (cut: (text: string) => readonly Section[], text: string) => readonly Section[];

function segmenter(
  { model, encode: encodeWhole }: OpenedModel,
  settings: PieceSettings,
  unknownToken: string,
): SegmentSections {
  if (settings.one_prefix !== true) {
    return (cut, text) =>
      cut(text).flatMap((section): Section[] =>
        typeof section === "number" ? [section] : encodeWhole(section),
      );
  }
  const normalizer = { ...model.normalizer, addDummyPrefix: false };
  const { encode } = createProcessor({ ...model, normalizer }, "sentencepiece");
  const opening = encode(unknownToken).length;
  // SentencePiece drops spaces at the start of a text. They stay after the unknown token.
  const continued = (text: string): readonly string[] =>
    /^[\u2581 ]/u.test(text) ? encode(unknownToken + text).slice(opening) : encode(text);
  return (cut, text) => {
    const found = cut(SPACE + text.replaceAll(SPACE, " ")).flatMap((section): readonly Section[] =>
      typeof section === "number" ? [section] : continued(section),
    );
    return found[0] === SPACE && typeof found[1] === "number" ? found.slice(1) : found;
  };
}

/** White space as in Python's `str.strip`: includes information separators, excludes the byte order mark. */
const SPACES = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const LEADING = new RegExp(`^${SPACES}+`, "u");

function stripped(text: string): string {
  const begun = text.replace(LEADING, "");
  let end = begun.length;
  while (end > 0 && isSpace.test(begun[end - 1]!)) end--;
  return begun.slice(0, end);
}
const isSpace = new RegExp(SPACES, "u");

/** The code at the start of a text: `>>fra<<`. */
function leadingCode(text: string): { readonly code: string | undefined; readonly rest: string } {
  const end = text.startsWith(">>") ? text.indexOf("<<") : -1;
  return end < 0
    ? { code: undefined, rest: text }
    : { code: text.slice(0, end + 2), rest: text.slice(end + 2) };
}

const unknownText = (side: Side, text: string): SlmError =>
  new SlmError("DATA_INVALID", `tokenizer: the vocabulary has no pieces for part of the ${side}`, {
    context: { side, text: text.slice(0, 200) },
  });
