/** Flags for the languages of a multilingual translation model. */
import { Flags } from "@oclif/core";

const language = (summary: string) => Flags.string({ helpValue: "<code>", summary });

export const languageFlags = {
  "source-language": language(
    "Translate from this language, by its tokenizer's code: fra_Latn (NLLB), fr (M2M-100), fr_XX (mBART). Default: the model's setting.",
  ),
  "target-language": language("Translate into this language. Default: the model's setting."),
};

/** The flags as parsed by oclif. */
interface LanguageFlags {
  readonly "source-language"?: string | undefined;
  readonly "target-language"?: string | undefined;
}

/** Renames the flags to the library's options. */
export const languageOptions = (
  flags: LanguageFlags,
): { readonly source: string | undefined; readonly target: string | undefined } => ({
  source: flags["source-language"],
  target: flags["target-language"],
});
