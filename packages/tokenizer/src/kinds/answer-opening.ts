/** The tokens at the start of an answer, for a request that names languages. */
import { SlmError } from "@slm/core";
import type { LanguagePair, Tokenizer, TokenizerLanguages } from "../interface/tokenizer.js";

/** Ids at the start of an answer in a language. A model that is told the language in the source needs none. */
export interface AnswerOpening {
  /** First input of the decoder, in place of BOS. */
  readonly start?: number | undefined;
  /** The first token of the answer. Source: Hugging Face `forced_bos_token_id`. */
  readonly forcedFirst?: number | undefined;
}

/** One entry for each way to tell a model the language of an answer. */
const OPENINGS: Readonly<Record<TokenizerLanguages["begins"], (token: number) => AnswerOpening>> = {
  decoder_start: (start) => ({ start }),
  forced_bos: (forcedFirst) => ({ forcedFirst }),
  source: () => ({}),
};

/**
 * Checks the languages of a request and returns how its answer starts; undefined if the request names no language.
 *
 * @param where start of error messages: the setting or flag with the languages
 * @throws SlmError USAGE for languages that the model lacks, for any language if the model has none, and for a source language if the model is
 * told only the target language
 */
export function answerOpening(
  { languages }: Pick<Tokenizer, "languages">,
  { source, target }: LanguagePair,
  where: string,
): AnswerOpening | undefined {
  if (source === undefined && target === undefined) return undefined;
  if (languages === undefined) {
    throw new SlmError(
      "USAGE",
      `${where}: got the language '${shown(target ?? source)}', but the model has no languages: remove the source and target language`,
    );
  }
  if (source !== undefined && languages.begins === "source") {
    throw new SlmError(
      "USAGE",
      `${where}: got the source language '${shown(source)}', but the model is told only the target language`,
    );
  }
  for (const code of [source, target]) if (code !== undefined) checkLanguage(languages.codes, code, where);
  return target === undefined ? {} : OPENINGS[languages.begins](languages.tokenOf(target));
}

function checkLanguage(codes: readonly string[], code: string, where: string): void {
  if (codes.includes(code)) return;
  throw new SlmError("USAGE", `${where}: ${missingLanguage(codes, code)}`, {
    context: { language: code, languages: codes },
  });
}

/** Most languages in an error message. */
const MOST_SHOWN = 12;

/** The message for a language that the model lacks. Names the languages with the most similar codes. */
export function missingLanguage(codes: readonly string[], code: string): string {
  const alike = codes
    .map((known) => ({ known, length: commonStart(known, code) }))
    .sort((x, y) => y.length - x.length)
    .map(({ known }) => known);
  const rest = codes.length > MOST_SHOWN ? ", ..." : "";
  return `the model has no language '${shown(code)}'; its ${codes.length} languages are ${alike.slice(0, MOST_SHOWN).join(", ")}${rest}`;
}

/** Length of the common prefix of both texts; ignores case. */
function commonStart(one: string, other: string): number {
  const [x, y] = [one.toLowerCase(), other.toLowerCase()];
  let length = 0;
  while (length < x.length && x[length] === y[length]) length++;
  return length;
}

const shown = (code: string | undefined): string => (code ?? "").slice(0, 80);
