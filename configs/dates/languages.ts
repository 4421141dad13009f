/** The supported languages: CLDR's languages with Latin, Cyrillic or Greek letters and Western digits. */
export const LANGUAGES = [
  "bg",
  "ca",
  "cs",
  "da",
  "de",
  "el",
  "en",
  "es",
  "et",
  "fi",
  "fr",
  "hr",
  "hu",
  "id",
  "is",
  "it",
  "lt",
  "lv",
  "nb",
  "nl",
  "pl",
  "pt",
  "ro",
  "ru",
  "sk",
  "sl",
  "sv",
  "tr",
  "uk",
  "vi",
] as const;

export type Language = (typeof LANGUAGES)[number];

/** Ordinal numbers for the day of the month, which CLDR's patterns do not have. For the first day only, or for all days. */
interface Ordinals {
  readonly suffixOf: (day: number) => string | undefined;
}

const english = ["th", "st", "nd", "rd"] as const;

export const ORDINALS: { readonly [L in Language]?: Ordinals } = {
  en: { suffixOf: (day) => (day > 3 && day < 21 ? "th" : (english[day % 10] ?? "th")) },
  fr: { suffixOf: (day) => (day === 1 ? "er" : undefined) },
  it: { suffixOf: (day) => (day === 1 ? "º" : undefined) },
  es: { suffixOf: (day) => (day === 1 ? "º" : undefined) },
  pt: { suffixOf: (day) => (day === 1 ? "º" : undefined) },
  nl: { suffixOf: () => "e" },
};
