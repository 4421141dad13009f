/** What an answer begins with when a request names its languages. */
import { SlmError } from "@slm/core";
import type { LanguagePair, Tokenizer, TokenizerLanguages } from "../interface/tokenizer.js";

/** Ids that an answer in a language begins with; a model that is told the language in the source needs none. */
export interface AnswerOpening {
  /** Fed to the decoder first, in place of BOS. */
  readonly start?: number | undefined;
  /** The first token of the answer. Source: Hugging Face `forced_bos_token_id`. */
  readonly forcedFirst?: number | undefined;
}

/** One row per way to tell a model the language of an answer. */
const OPENINGS: Readonly<Record<TokenizerLanguages["begins"], (token: number) => AnswerOpening>> = {
  decoder_start: (start) => ({ start }),
  forced_bos: (forcedFirst) => ({ forcedFirst }),
  source: () => ({}),
};

/**
 * Checks the languages of a request, and says what its answer begins with; undefined where the request names none.
 *
 * @param where begins errors: what names the languages
 * @throws SlmError USAGE for languages that the model lacks, for any language if it is told none, and for a source language if it is told
 * only the target's
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
      `${where}: got the language '${shown(target ?? source)}', and the model takes no languages: expected neither a source nor a target language`,
    );
  }
  if (source !== undefined && languages.begins === "source") {
    throw new SlmError(
      "USAGE",
      `${where}: got the source language '${shown(source)}', and the model is told the target language only`,
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

/** Most languages that an error names. */
const MOST_SHOWN = 12;

/** Says that a model has no such language, and names those whose codes are the most alike. */
export function missingLanguage(codes: readonly string[], code: string): string {
  const alike = codes
    .map((known) => ({ known, length: commonStart(known, code) }))
    .sort((x, y) => y.length - x.length)
    .map(({ known }) => known);
  const rest = codes.length > MOST_SHOWN ? ", ..." : "";
  return `the model has no language '${shown(code)}'; its ${codes.length} languages are ${alike.slice(0, MOST_SHOWN).join(", ")}${rest}`;
}

/** Number of characters that both texts begin with, upper and lower case alike. */
function commonStart(one: string, other: string): number {
  const [x, y] = [one.toLowerCase(), other.toLowerCase()];
  let length = 0;
  while (length < x.length && x[length] === y[length]) length++;
  return length;
}

const shown = (code: string | undefined): string => (code ?? "").slice(0, 80);
