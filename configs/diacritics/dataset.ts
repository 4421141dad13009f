/**
 * Sentences in six languages without diacritics, and the original sentences.
 *
 *   "Tento balicek obsahuje knihovnu."  ->  "Tento balíček obsahuje knihovnu."
 *
 * The sentences are from Debian's package descriptions, translated by humans. The source does not name the language.
 */
import { defineDataset, type Row } from "@slm/data";
import { z } from "zod";
import { indexFolder, sentencesOf, translatedDescriptions } from "../shared/debian-index.js";
import { sourceFolder } from "../shared/user-cache.js";
import { stripDiacritics } from "./strip.js";

/** Debian's names of the translations. */
export const LANGUAGES = ["cs", "es", "fr", "pl", "pt_BR", "sk"] as const;

export const settings = z.strictObject({
  files: indexFolder,
  languages: z
    .array(z.enum(LANGUAGES))
    .min(1)
    .default([...LANGUAGES])
    .describe("Languages, in this order."),
  perLanguage: z.int().positive().default(6000).describe("Maximum number of sentences per language [rows]."),
  shortest: z.int().positive().default(20).describe("Shortest sentence [characters]."),
  longest: z.int().positive().default(100).describe("Longest sentence [characters]."),
});

type Settings = z.infer<typeof settings>;

/** Sentences with alternating languages, so that the first rows contain all languages. */
async function* examples(
  { files, languages, perLanguage, shortest, longest }: Settings,
  { directory }: { readonly directory: string },
): AsyncGenerator<Row> {
  const folder = sourceFolder("debian-bookworm", files, directory);
  const lists: string[][] = [];
  for (const language of languages) {
    const sentences = new Set<string>();
    for await (const { synopsis, paragraphs } of translatedDescriptions(folder, language)) {
      for (const text of [synopsis, ...paragraphs.flatMap(sentencesOf)]) {
        if (sentences.size >= perLanguage) break;
        if (text.length >= shortest && text.length <= longest && isSentence(text)) sentences.add(text);
      }
    }
    lists.push([...sentences]);
  }
  for (let place = 0; place < perLanguage; place++)
    for (const list of lists) {
      const target = list[place];
      if (target !== undefined) yield { source: stripDiacritics(target), target };
    }
}

/** Whether it is running text with diacritics: no addresses or markup, mostly letters, one script. */
export function isSentence(text: string): boolean {
  if (/[<>{}|\\_@=#]|:\/\/|[^\p{Script=Latin}\p{M}\p{N}\p{P}\p{Zs}]/u.test(text)) return false;
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  return letters > 0.7 * text.length && stripDiacritics(text) !== text.normalize("NFC");
}

export default defineDataset({ settings, examples });

// cspell:ignore Tento balíček balicek obsahuje knihovnu
