/** Flags for the languages of a multilingual translation model. */
import { Flags } from "@oclif/core";

const language = (summary: string) => Flags.string({ helpValue: "<code>", summary });

export const languageFlags = {
  "source-language": language(
    "Language of the texts, for multilingual models, as their tokenizer names it: fra_Latn (NLLB), fr (M2M-100), fr_XX (mBART). Default: the model's own.",
  ),
  "target-language": language("Language of the answers. Default: the model's own."),
};

/** The flags as parsed by oclif. */
interface LanguageFlags {
  readonly "source-language"?: string | undefined;
  readonly "target-language"?: string | undefined;
}

/** The flags under the library's names. */
export const languageOptions = (
  flags: LanguageFlags,
): { readonly source: string | undefined; readonly target: string | undefined } => ({
  source: flags["source-language"],
  target: flags["target-language"],
});
